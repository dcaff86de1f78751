//! Other programs at the engine's door: each organization and customer has connections of its own, what a program said of
//! them is obeyed, and a person stays in between where tokens are concerned.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

use crate::stage;
use std::time::Duration;

use serde_json::{Value, json};
use stage::Stage;
use tieline_engine::program::{Action, Key, Owner};
use tieline_engine::wire::{AddedKey, Approval, ConnectionDetail, FlowStep, SyncState};
use tieline_engine::{Connecting, Contents, FileState, Mark, Programs, Secret, SyncOptions, Tagging};
use tieline_practice::visitor::Visit;

async fn key(stage: &Stage, ask: Value) -> (AddedKey, Key) {
    let added: AddedKey = stage.ask("add_key", ask).await.unwrap();
    let key = stage.app.programs().key(&added.secret).unwrap().unwrap();
    (added, key)
}

fn owner(organization: i64, customer: &str) -> Owner {
    Owner { organization, customer: customer.into() }
}

async fn sign_in(stage: &Stage, ask: Connecting) -> String {
    let programs = stage.app.programs();
    let flow = programs.connect(ask).await.unwrap();
    let page = programs.sign_in_link(&flow.id).await.unwrap();
    let back = Visit::default().answer(&page.parse().unwrap()).await.unwrap();
    stage.bring(&back).await;
    let flow = programs.ended(&flow.id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(flow.step, FlowStep::Connected, "{:?}", flow.problem);
    flow.connection.unwrap()
}

fn connecting(stage: &Stage, provider: &str, owner: Owner, options: SyncOptions) -> Connecting {
    let inputs = serde_json::from_value(stage.inputs(provider)).unwrap();
    Connecting { owner, provider: provider.into(), inputs, options, ..Connecting::default() }
}

async fn idle(stage: &Stage, id: &str) -> SyncState {
    for _ in 0..400 {
        let state: SyncState = stage.ask("sync_state", json!({ "id": id })).await.unwrap();
        if !state.running && state.ended_at.is_some() {
            assert!(state.failure.is_none(), "{:?}", state.failure);
            return state;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the sync did not end");
}

fn files(programs: &Programs, id: &str) -> Vec<tieline_engine::Content> {
    let ask = Contents { connections: vec![id.into()], files_only: true, limit: 1000, ..Contents::default() };
    let (files, count) = programs.contents(&ask).unwrap();
    assert_eq!(files.len() as u64, count);
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_account_is_a_connection_of_its_own_for_each_customer_and_for_its_person() {
    let stage = Stage::open().await;
    let programs = stage.app.programs();
    let (_, acme) = key(&stage, json!({ "name": "Acme sync" })).await;
    let (_, other) = key(&stage, json!({ "name": "Other" })).await;
    assert_ne!(acme.organization, other.organization);
    let (_, second) = key(&stage, json!({ "name": "Acme too", "organization": "Acme sync" })).await;
    assert_eq!(acme.organization, second.organization);

    let listed =
        SyncOptions { sync_files_on_connection: false, sync_source_items: false, ..SyncOptions::default() };
    let own = stage.connect("ZENDESK").await;
    let maya = owner(acme.organization, "maya");
    let first = sign_in(&stage, connecting(&stage, "ZENDESK", maya.clone(), listed.clone())).await;
    let noor = owner(acme.organization, "noor");
    let second = sign_in(&stage, connecting(&stage, "ZENDESK", noor, listed.clone())).await;
    let third =
        sign_in(&stage, connecting(&stage, "ZENDESK", owner(other.organization, "maya"), listed.clone()))
            .await;
    let again = sign_in(&stage, connecting(&stage, "ZENDESK", maya.clone(), listed)).await;
    assert_eq!(first, again);
    let all = [&own, &first, &second, &third];
    assert!((0..4).all(|at| (0..at).all(|before| all[at] != all[before])), "{all:?}");

    let numbers = |organization: i64, customer: Option<&str>| -> Vec<String> {
        let found = programs.data_sources(organization, customer).unwrap();
        found.into_iter().map(|it| it.connection).collect()
    };
    assert_eq!(numbers(acme.organization, Some("maya")), std::slice::from_ref(&first));
    assert_eq!(numbers(acme.organization, None), [first.clone(), second]);
    assert_eq!(numbers(other.organization, None), std::slice::from_ref(&third));
    assert!(programs.reaches(&acme, &first).unwrap() && programs.reaches(&acme, &own).unwrap());
    assert!(!programs.reaches(&acme, &third).unwrap());

    // Gone, it is still its organization's, and nobody's token.
    let (_, mounter) = key(&stage, json!({ "name": "Acme sync", "operations": ["tokens"] })).await;
    let _: Value = stage.ask("disconnect", json!({ "id": third, "keep_contents": true })).await.unwrap();
    assert!(programs.reaches(&other, &third).unwrap() && !programs.reaches(&acme, &third).unwrap());
    let _: Value = stage.ask("disconnect", json!({ "id": own, "keep_contents": true })).await.unwrap();
    assert!(programs.reaches(&acme, &own).unwrap() && !programs.reaches(&acme, "nobody").unwrap());
    assert_eq!(programs.token_for(&mounter, &own).await.unwrap_err().code.as_str(), "not_found");

    // Revoked, it stays listed; the same account comes back under the same number.
    let number = programs.data_source_of(&first).unwrap().unwrap().number;
    let _: Value = stage.ask("disconnect", json!({ "id": first, "keep_contents": true })).await.unwrap();
    let gone = programs.data_source(number).unwrap().unwrap();
    assert!(gone.revoked && gone.action == Action::Revoke);
    let back = sign_in(&stage, connecting(&stage, "ZENDESK", maya, SyncOptions::default())).await;
    let now = programs.data_source_of(&back).unwrap().unwrap();
    assert_eq!((now.number, now.revoked, now.action), (number, false, Action::Add));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_said_about_contents_is_obeyed_and_shown() {
    let stage = Stage::open().await;
    let programs = stage.app.programs();
    let (_, acme) = key(&stage, json!({ "name": "Acme" })).await;
    let mut options = SyncOptions {
        tags: json!({ "team": "support" }),
        request_id: Some("r-1".into()),
        ..SyncOptions::default()
    };
    let all =
        sign_in(&stage, connecting(&stage, "ZENDESK", owner(acme.organization, "a"), options.clone())).await;
    let state = idle(&stage, &all).await;
    assert!(state.everything && state.kept > 0);
    let kept = files(&programs, &all);
    assert!(kept.iter().all(|it| it.state == FileState::Kept && it.tags["team"] == "support"));
    assert!(kept.iter().all(|it| it.request_id.as_deref() == Some("r-1")));

    // Not told to ask for changes only, every sync is a complete listing.
    let before = stage.practice.heard("ZENDESK").await.len();
    let _: SyncState = stage.ask("sync_to_the_end", json!({ "connection": all })).await.unwrap();
    assert!(stage.practice.heard("ZENDESK").await.len() > before);

    // Nothing but conversations, of which there are none among articles.
    options.file_sync_config.auto_synced_source_types = vec!["CONVERSATION".into()];
    let none =
        sign_in(&stage, connecting(&stage, "ZENDESK", owner(acme.organization, "b"), options.clone())).await;
    let state = idle(&stage, &none).await;
    assert!(state.listed > 0 && state.kept == 0 && files(&programs, &none).is_empty());

    // Noted as ready, and not fetched.
    options.file_sync_config = Default::default();
    options.file_sync_config.skip_file_processing = true;
    let ready =
        sign_in(&stage, connecting(&stage, "ZENDESK", owner(acme.organization, "c"), options.clone())).await;
    assert_eq!(idle(&stage, &ready).await.kept, 0);
    let listed = files(&programs, &ready);
    assert!(!listed.is_empty() && listed.iter().all(|it| it.state == FileState::Ready));

    // Listed only, until something is chosen; a deleted file is not read again.
    options = SyncOptions { sync_files_on_connection: false, ..SyncOptions::default() };
    let some = sign_in(&stage, connecting(&stage, "ZENDESK", owner(acme.organization, "d"), options)).await;
    let state = idle(&stage, &some).await;
    assert!(state.listed > 0 && state.kept == 0 && !state.everything);
    let ask = Contents { connections: vec![some.clone()], limit: 1000, ..Contents::default() };
    let chosen: Vec<String> = programs
        .contents(&ask)
        .unwrap()
        .0
        .into_iter()
        .filter(|it| it.item.selectable)
        .map(|it| it.item.id)
        .take(2)
        .collect();
    let tags = json!({ "n": 1 }).as_object().cloned();
    let mark = Mark { pick: Some(true), tags: tags.map(Tagging::Chosen), ..Mark::default() };
    programs.mark(&some, &chosen, &mark).unwrap();
    let _: SyncState = stage.ask("sync_to_the_end", json!({ "connection": some })).await.unwrap();
    let kept = files(&programs, &some);
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|it| it.state == FileState::Kept && it.tags["n"] == 1));
    programs.forget_files(&[kept[0].number], false).unwrap();
    let _: SyncState = stage.ask("sync_to_the_end", json!({ "connection": some })).await.unwrap();
    assert_eq!(files(&programs, &some).iter().map(|it| it.number).collect::<Vec<_>>(), [kept[1].number]);

    let detail: ConnectionDetail = stage.detail(&all).await;
    let program = detail.program.unwrap();
    assert_eq!((program.organization.as_str(), program.customer.as_str()), ("Acme", "a"));
    assert!(program.options.iter().any(|line| line.label == "Request" && line.value == "r-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_sent_as_it_was_given_and_the_answer_handed_over() {
    let stage = Stage::open().await;
    let programs = stage.app.programs();
    let (_, acme) = key(&stage, json!({ "name": "Acme" })).await;
    let redirect = "https://acme.example/any/integrations/servicenow";
    let ask = Connecting {
        redirect: Some(redirect.into()),
        ..connecting(&stage, "SERVICENOW", owner(acme.organization, "a"), SyncOptions::default())
    };
    let flow = programs.connect(ask).await.unwrap();
    let page: url::Url = programs.sign_in_link(&flow.id).await.unwrap().parse().unwrap();
    assert!(page.query_pairs().any(|(name, value)| name == "redirect_uri" && value == redirect), "{page}");
    let back = Visit::default().answer(&page).await.unwrap();
    assert!(programs.deliver("/integrations/zendesk", back.query().unwrap()).is_err(), "another's path");
    assert_eq!(programs.deliver("/integrations/servicenow", back.query().unwrap()).unwrap(), flow.id);
    let flow = programs.ended(&flow.id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(flow.step, FlowStep::Connected, "{:?}", flow.problem);
    assert!(programs.deliver("/integrations/servicenow", back.query().unwrap()).is_err(), "a second time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_handed_out_only_with_the_right_and_after_its_person_agreed() {
    let stage = Stage::open().await;
    let programs = stage.app.programs();
    let id = stage.connect("DROPBOX").await;
    let (_, without) = key(&stage, json!({ "name": "Script" })).await;
    assert_eq!(programs.token_for(&without, &id).await.unwrap_err().code.as_str(), "refused");
    let (added, with) = key(&stage, json!({ "name": "Mounter", "operations": ["tokens"] })).await;
    assert_eq!(programs.token_for(&with, &id).await.unwrap_err().code.as_str(), "needs_you");
    assert_eq!(programs.token_for(&with, &id).await.unwrap_err().code.as_str(), "needs_you");
    let open: Vec<Approval> = stage.ask("approvals", json!({})).await.unwrap();
    assert_eq!(open.len(), 1, "asked once");
    assert_eq!(open[0].key_name, "Mounter");
    let _: Value = stage.ask("decide_approval", json!({ "id": open[0].id, "allow": true })).await.unwrap();
    let token = programs.token_for(&with, &id).await.unwrap();
    assert!(!token.access_token.is_empty() && token.expires_at.is_some());
    let log = stage.detail(&id).await.events;
    assert!(log.iter().any(|line| line.kind == "token_given" && line.words.contains("Mounter")));

    let other = stage.connect("BOX").await;
    assert_eq!(
        programs.token_for(&with, &other).await.unwrap_err().code.as_str(),
        "needs_you",
        "each connection"
    );
    let open: Vec<Approval> = stage.ask("approvals", json!({})).await.unwrap();
    let _: Value = stage.ask("decide_approval", json!({ "id": open[0].id, "allow": false })).await.unwrap();
    assert_eq!(programs.token_for(&with, &other).await.unwrap_err().code.as_str(), "refused");
    // What was decided stays, by the command line too.
    let changed: Result<Value, _> =
        stage.ask("decide_approval", json!({ "id": open[0].id, "allow": true })).await;
    assert_eq!(changed.unwrap_err().code, "conflict");
    assert!(!stage.run(&["key", "approve", &open[0].id.to_string()]).await.status.success());
    assert_eq!(programs.token_for(&with, &other).await.unwrap_err().code.as_str(), "refused");

    let _: Value = stage.ask("revoke_key", json!({ "id": added.key.id })).await.unwrap();
    assert!(programs.key(&added.secret).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_key_lasts_ten_hours_and_no_longer_than_its_key() {
    let stage = Stage::open().await;
    let programs = stage.app.programs();
    let (added, key) = key(&stage, json!({ "name": "Acme" })).await;
    let token = programs.temporary(&key, "maya").unwrap();
    let (of, customer) = programs.key_of_temporary(token.expose()).unwrap().unwrap();
    assert_eq!((of.id.as_str(), customer.as_str()), (key.id.as_str(), "maya"));
    assert!(programs.key(token.expose()).unwrap().is_none(), "it is no key");
    let others = programs.temporary(&key, "tom").unwrap();
    stage.pass(1).await;
    let second = programs.temporary(&key, "maya").unwrap();
    stage.pass(1).await;
    let newest: Vec<_> = (0..99).map(|_| programs.temporary(&key, "maya").unwrap()).collect();
    let good = |token: &Secret| programs.key_of_temporary(token.expose()).unwrap().is_some();
    assert!(!good(&token) && good(&second) && good(&others), "a customer has the newest hundred");
    assert!(newest.iter().all(good));
    let token = programs.temporary(&key, "maya").unwrap();
    stage.pass(10 * 3600 - 5).await;
    assert!(programs.key_of_temporary(token.expose()).unwrap().is_some());
    stage.pass(10).await;
    assert!(programs.key_of_temporary(token.expose()).unwrap().is_none());
    let token = programs.temporary(&key, "maya").unwrap();
    let _: Value = stage.ask("revoke_key", json!({ "id": added.key.id })).await.unwrap();
    assert!(programs.key_of_temporary(token.expose()).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_ends_with_the_key_that_began_it() {
    let stage = Stage::open().await;
    let programs = stage.app.programs();
    let mut ask = connecting(&stage, "BOX", Owner::default(), SyncOptions::default());
    for here in [true, false] {
        let (added, acme) = key(&stage, json!({ "name": "Acme" })).await;
        ask.owner = owner(acme.organization, "a");
        ask.by = Some(acme);
        let flow = programs.connect(ask.clone()).await.unwrap();
        let page = programs.sign_in_link(&flow.id).await.unwrap();
        let back = Visit::default().answer(&page.parse().unwrap()).await.unwrap();
        if here {
            let _: Value = stage.ask("revoke_key", json!({ "id": added.key.id })).await.unwrap();
        } else {
            // By another process, which knows nothing of this sign-in.
            let revoked = stage.run(&["key", "revoke", "Acme"]).await;
            assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
            stage.bring(&back).await;
        }
        let flow = programs.ended(&flow.id, Duration::from_secs(20)).await.unwrap();
        assert_eq!((flow.step, flow.connection), (FlowStep::Cancelled, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_is_kept_as_browsers_send_it() {
    let stage = Stage::open().await;
    let given = ["https://App.acme.example", "https://a.example:443/", " http://[::1]:8080 "];
    let (added, _) = key(&stage, json!({ "name": "A", "origins": given })).await;
    assert_eq!(added.key.origins, ["https://app.acme.example", "https://a.example", "http://[::1]:8080"]);
    for never in [
        "http://*.acme.example",
        "https://a.example/path",
        "https://a.example?x",
        "https://user@a.example",
        "ftp://a.example",
        "null",
        "a.example",
        "",
    ] {
        let refused = stage.ask::<Value>("add_key", json!({ "name": "A", "origins": [never] })).await;
        assert_eq!(refused.unwrap_err().field.as_deref(), Some("origins"), "{never}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_named_and_ended_at_the_command_line() {
    let stage = Stage::open().await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let made =
        stage.run(&["key", "add", "Script", "--allow", "look,read", "--origin", "https://A.example"]).await;
    let talk = text(&made.stderr);
    assert!(made.status.success(), "{talk}");
    let keys: Vec<Value> = stage.ask("keys", json!({})).await.unwrap();
    assert_eq!(
        (&keys[0]["operations"], &keys[0]["origins"]),
        (&json!(["look", "read"]), &json!(["https://a.example"]))
    );
    assert!(talk.contains(keys[0]["id"].as_str().unwrap()), "its id is told: {talk}");
    for (flag, words) in [
        ("--allow", ["--allow", "nothing"]),
        ("--connection", ["--connection", "none"]),
        ("--origin", ["--origin", "http://*.a.example"]),
    ] {
        let refused = stage.run(&["key", "add", "Other", words[0], words[1]]).await;
        assert!(text(&refused.stderr).contains(&format!("{flag}: ")), "{}", text(&refused.stderr));
        assert_eq!(refused.status.code(), Some(2));
    }
    assert!(stage.run(&["key", "uses", "Script"]).await.status.success());
    assert_eq!(stage.run(&["key", "revoke", "Nobody"]).await.status.code(), Some(3));
    assert!(stage.run(&["key", "revoke", "Script"]).await.status.success());
    let keys: Vec<Value> = stage.ask("keys", json!({})).await.unwrap();
    assert!(keys[0]["revoked_at"].is_string());
    let unknown = stage.run(&["key", "uses", "--json", "--nonsense"]).await;
    let said = stage::json_of(&unknown);
    assert_eq!(
        (unknown.status.code(), said["error"]["code"].as_str()),
        (Some(2), Some("bad_input")),
        "{said}"
    );
    assert!(said["error"]["message"].as_str().unwrap().contains("--nonsense"), "{said}");
}
