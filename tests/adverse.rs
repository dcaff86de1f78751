//! A computer that does not play along: no keyring, a locked one, one that is killed; a full disk, a folder that cannot
//! be written; a wrong clock; no network. Each is told in words with a stable code, nothing is lost, and everything
//! works again when the computer does.

#![cfg(target_os = "linux")]

use crate::stage;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use stage::place::{Place, Practised, Served, run, sentences, told, works};
use stage::session::Session;
use stage::{Stage, json_of, keyring};
use tieline_engine::Clock;
use tieline_engine::wire::{ConnectionRow, ConnectionState, Disconnected, Tested};
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;
use url::Url;

/// A session in which nobody keeps secrets.
fn without_keyring(mut command: Command) -> Command {
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus").env_remove("XDG_RUNTIME_DIR");
    command
}

fn as_it_is(command: Command) -> Command {
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keyring_nothing_is_lost_and_the_way_out_is_told() {
    let place = Place::open().await;
    let id = place.connect("gmail", as_it_is).await;
    let kept = keyring::entries(place.folder.path());

    for words in [["test", &id, "--json"], ["refresh", &id, "--json"]] {
        let said = told(&run(without_keyring(place.command(&words))).await, 6, "keyring_absent");
        assert!(said.contains("passphrase"), "the way out: {said}");
    }
    let listed = run(without_keyring(place.command(&["list", "--json"]))).await;
    assert!(listed.status.success(), "looking needs no secret");
    assert_eq!(json_of(&listed)[0]["state"], "keyring_locked");
    let doctor = run(without_keyring(place.command(&["doctor"]))).await;
    assert_eq!(doctor.status.code(), Some(6));
    let connecting =
        run(without_keyring(place.command(&["connect", "gmail", "--no-browser", "--json"]))).await;
    told(&connecting, 6, "keyring_absent");

    assert_eq!(keyring::entries(place.folder.path()), kept);
    works(&run(place.command(&["test", &id, "--json"])).await);
}

/// The passphrase file is there for whoever chooses it, and only for them.
#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_keyring_a_passphrase_file_does() {
    const PASSPHRASE: &str = "six words that nobody else knows";
    let place = Place::open().await;
    told(
        &run(without_keyring(place.command(&["connect", "gmail", "--no-browser", "--json"]))).await,
        6,
        "keyring_absent",
    );
    assert!(!place.folder.path().join("practice/vault").exists(), "no file that nobody chose");

    let mut command = without_keyring(place.command(&["unlock", "--file", "--json"]));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("its ear").write_all(PASSPHRASE.as_bytes()).expect("it listens");
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(json_of(&done)["state"], "file_open", "{}", String::from_utf8_lossy(&done.stderr));

    let begin = json!({ "provider": "gmail", "quiet": true });
    let mut connection = String::new();
    for round in ["the first start", "the next start"] {
        let served =
            Served::start(without_keyring(place.command(&["serve", "--port", "0", "--no-browser"]))).await;
        let failure = served.call("connect", begin.clone()).await.expect_err("it is locked");
        assert_eq!(failure["code"], "keyring_locked", "{round}");
        sentences(&failure);
        let wrong = served
            .call("unlock_keyring", json!({ "passphrase": "six other words" }))
            .await
            .expect_err("wrong");
        assert_eq!(
            (wrong["code"].as_str(), wrong["field"].as_str()),
            (Some("bad_input"), Some("passphrase")),
            "{round}"
        );
        let opened =
            served.call("unlock_keyring", json!({ "passphrase": PASSPHRASE })).await.expect("it opens");
        assert_eq!(opened["state"], "file_open", "{round}");

        if connection.is_empty() {
            let flow = served.call("connect", begin.clone()).await.expect("a sign-in");
            let link = served.call("sign_in_link", json!({ "id": flow["id"] })).await.expect("a link");
            let page: Url = link["url"].as_str().expect("an address").parse().expect("an address");
            let back = Visit::default().answer(&page).await.expect("the page sends the browser back");
            tieline_practice::client::send("GET", &back, &[], b"").await.expect("the listener answers");
            let rows = loop {
                let flow = served.call("flow", json!({ "id": flow["id"] })).await.expect("it is known");
                if !["waiting", "finishing"].contains(&flow["step"].as_str().expect("a step")) {
                    break served.call("connections", json!({})).await.expect("a list");
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            };
            rows[0]["id"].as_str().expect("connected").clone_into(&mut connection);
        }
        served.works(&connection).await;
        served.call("refresh", json!({ "id": connection })).await.expect("a renewal");
        served.works(&connection).await;
    }
    assert!(keyring::entries(place.folder.path()).is_empty(), "the keyring of this session was left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_keyring_waits_for_its_person() {
    let place = Place::open().await;
    let mut session = Session::open();
    session.start_keyring(true).await;
    let id = place.connect("gmail", |command| session.within(command)).await;
    session.kill_keyring();

    // A new login to which nobody has typed the password yet.
    session.start_keyring(false).await;
    let before = place.practice.counts("gmail").await;
    for words in [["test", &id, "--json"], ["refresh", &id, "--json"]] {
        let said = told(&run(session.within(place.command(&words))).await, 6, "keyring_locked");
        assert!(said.contains("Unlock"), "what to press: {said}");
    }
    let ended = run(session.within(place.command(&["disconnect", &id, "--revoke", "--json"]))).await;
    assert_eq!(json_of(&ended)["queued"], json!(true), "it is made up for once the keyring opens");
    assert_eq!(place.practice.counts("gmail").await, before, "nobody was asked anything");
    session.kill_keyring();

    session.start_keyring(true).await;
    works(&run(session.within(place.command(&["test", &id, "--json"]))).await);
    let served =
        Served::start(session.within(place.command(&["serve", "--port", "0", "--no-browser"]))).await;
    for _ in 0..100 {
        if served.call("connections", json!({})).await.expect("a list") == json!([]) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the disconnect was not made up for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_killed_in_mid_flight_is_survived() {
    let place = Place::open().await;
    let mut session = Session::open();
    session.start_keyring(true).await;
    let served =
        Served::start(session.within(place.command(&["serve", "--port", "0", "--no-browser"]))).await;
    let id = place.connect("gmail", |command| session.within(command)).await;
    for round in 0..5_u64 {
        served.works(&id).await;
        let asks = async {
            let mut answers = Vec::new();
            for _ in 0..10 {
                answers.push(served.call("refresh", json!({ "id": id })).await);
            }
            answers
        };
        let kill = async {
            tokio::time::sleep(std::time::Duration::from_millis(10 + 17 * round)).await;
            session.kill_keyring();
        };
        let (answers, ()) = tokio::join!(asks, kill);
        for answer in &answers {
            match answer {
                Ok(renewed) => assert_eq!(renewed["ok"], json!(true), "{renewed}"),
                Err(failure) => {
                    assert_eq!(failure["code"], "keyring_absent", "{failure}");
                    sentences(failure);
                }
            }
        }
        assert!(answers.last().is_some_and(Result::is_err), "the keyring was gone by then");
        session.start_keyring(true).await;
        served.works(&id).await;
        let renewed = served.call("refresh", json!({ "id": id })).await.expect("a renewal");
        assert_eq!(renewed["ok"], json!(true), "{renewed}");
    }
}

/// Whether this computer lets us put a small file system over the folder; root in a plain container may not.
fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}

/// Runs the words after it twice over a copy of `$DATA` on a small file system: once while that is full to the last
/// byte, and once with room again.
const ON_A_FULL_DISK: &str = r#"
set -e
cp -a "$DATA" "$OUT/copy"
mount -t tmpfs -o size=8m none "$DATA"
cp -a "$OUT/copy/." "$DATA/"
cat /dev/zero > "$DATA/filler" 2> /dev/null || :
set +e
for name in full after; do
  "$@" > "$OUT/$name.out" 2> "$OUT/$name.err"
  echo $? > "$OUT/$name.code"
  rm -f "$DATA/filler"
done
cp -a "$DATA/." "$OUT/copy/" && umount "$DATA" && cp -a "$OUT/copy/." "$DATA/"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_a_refresh_before_the_provider_is_asked() {
    let place = Place::open().await;
    let id = place.connect("gmail", as_it_is).await;
    let before = place.refreshes("gmail").await;
    let refresh = place.command(&["refresh", &id, "--json"]);
    let full;
    if may_mount() {
        let out = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c", ON_A_FULL_DISK, "sh"])
            .arg(refresh.get_program())
            .args(refresh.get_args());
        command.env("DATA", place.folder.path()).env("OUT", out.path());
        let done = run(command).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let read = |name: &str| std::fs::read_to_string(out.path().join(name)).expect("it was written");
        assert_eq!(
            (read("full.code").trim(), read("after.code").trim()),
            ("7", "0"),
            "{}{}",
            read("full.err"),
            read("after.err")
        );
        let error: Value = serde_json::from_str(&read("full.out")).expect("JSON");
        assert_eq!(error["error"]["code"], "storage");
        full = sentences(&error["error"]);
        assert!(full.contains("full"), "{full}");
        assert_eq!(place.refreshes("gmail").await, before + 1, "asked once, when there was room");
    } else {
        // A limit on the size of files is the next best: the system refuses every write.
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
            .arg(refresh.get_program())
            .args(refresh.get_args());
        full = told(&run(command).await, 7, "storage");
        assert_eq!(place.refreshes("gmail").await, before, "nobody was asked");
    }
    assert!(full.contains("Nothing was lost"), "{full}");
    works(&run(place.command(&["refresh", &id, "--json"])).await);
    works(&run(place.command(&["test", &id, "--json"])).await);
}

/// The disk takes no more while Tieline runs, and takes it again: at a provider that rotates strictly, where a refresh
/// whose outcome could not be stored would be the end of the sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_while_tieline_runs_costs_no_sign_in() {
    let place = Place::open().await;
    let id = place.connect("box", as_it_is).await;
    place.practice.set_rules("BOX", json!({ "refresh": { "rotates": "dies" } })).await;
    let serve = place.command(&["serve", "--port", "0", "--no-browser"]);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(serve.get_program()).args(serve.get_args());
    let served = Served::start(command).await;
    served.works(&id).await;
    let limit = async |bytes: &str| {
        let mut command = Command::new("prlimit");
        command.arg("--pid").arg(served.child.id().to_string()).arg(format!("--fsize={bytes}:unlimited"));
        assert!(run(command).await.status.success(), "prlimit of util-linux");
    };
    let before = place.refreshes("box").await;
    limit("0").await;
    let failure = served.call("refresh", json!({ "id": id })).await.expect_err("nothing can be written");
    assert_eq!(failure["code"], "storage", "{failure}");
    assert!(sentences(&failure).contains("Nothing was lost"));
    assert_eq!(place.refreshes("box").await, before, "the provider was not asked");
    limit("unlimited").await;
    let renewed = served.call("refresh", json!({ "id": id })).await.expect("a renewal");
    assert_eq!(renewed["ok"], json!(true), "{renewed}");
    served.works(&id).await;
}

/// Sets the mode of a folder and of all that is in it.
fn set_modes(folder: &Path, of_folders: u32, of_files: u32) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
    for entry in std::fs::read_dir(folder).expect("it can be read").flatten() {
        if entry.path().is_dir() {
            set_modes(&entry.path(), of_folders, of_files);
        } else {
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(of_files))
                .expect("it is ours");
        }
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(of_folders)).expect("it is ours");
}

/// The command without root's right to write whatever it likes; others have no such right.
fn bound_by_permissions(command: &Command) -> Command {
    let is_root =
        std::fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("Uid:\t0\t"));
    let mut bound = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        bound.args([
            "--bounding-set=-dac_override,-dac_read_search",
            "--inh-caps=-dac_override,-dac_read_search",
        ]);
    }
    bound.arg(command.get_program()).args(command.get_args());
    bound
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_told_and_changes_nothing() {
    let place = Place::open().await;
    let id = place.connect("gmail", as_it_is).await;
    let before = place.practice.counts("gmail").await;
    set_modes(place.folder.path(), 0o500, 0o400);
    for words in [["refresh", &id, "--json"], ["test", &id, "--json"]] {
        let done = run(bound_by_permissions(&place.command(&words))).await;
        let said = told(&done, 7, "storage");
        assert!(
            said.contains("cannot be") && said.contains("Allow") | said.contains("may be written"),
            "{said}"
        );
    }
    assert_eq!(place.practice.counts("gmail").await, before, "nobody was asked");
    set_modes(place.folder.path(), 0o700, 0o600);
    works(&run(bound_by_permissions(&place.command(&["refresh", &id, "--json"]))).await);
    works(&run(place.command(&["test", &id, "--json"])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_a_day_off_neither_loses_a_sign_in_nor_spends_refreshes() {
    const DAY: i64 = 86_400;
    let mut stage = Stage::open().await;
    for (off, across_a_restart) in [(DAY, false), (-DAY, false), (DAY, true), (-DAY, true)] {
        let provider = "ZENDESK";
        stage.practice.set_rules(provider, json!({ "access_seconds": 3600 })).await;
        let id = stage.connect(provider).await;
        let before = stage.practice.counts(provider).await.refreshes;
        let turn = async |stage: &mut Stage, by: i64| {
            if across_a_restart {
                stage.clock = Clock::system();
            }
            stage.clock.turn(by);
            if across_a_restart {
                stage.reopen().await;
            }
            for _ in 0..3 {
                let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
                assert!(tested.ok, "{off} {across_a_restart}: {}", tested.words);
            }
        };
        turn(&mut stage, off).await;
        // A failure of a moment must not be paused for until tomorrow.
        stage.practice.set_fault(provider, Fault::ServerError, Some(1)).await;
        let failed: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
        assert_eq!(failed.row.state, ConnectionState::TemporarilyFailing);
        turn(&mut stage, if across_a_restart { 0 } else { -off }).await;
        let spent = stage.practice.counts(provider).await.refreshes - before;
        assert!(spent <= 2, "{off} {across_a_restart}: {spent} refreshes");
        assert_eq!(stage.row(&id).await.state, ConnectionState::Working);
        let _: Disconnected = stage.ask("disconnect", json!({ "id": id })).await.expect("disconnected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_without_a_network_is_queued_and_made_up_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let practised = Practised::start(folder.path()).await;
    let mut stage = Stage::with(practised.practice.clone()).await;
    let id = stage.connect("DROPBOX").await;
    let entry = stage.detail(&id).await.secret.entry;
    drop(practised);

    let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
    assert_eq!(tested.row.state, ConnectionState::TemporarilyFailing, "{}", tested.words);
    let ended: Disconnected = stage.ask("disconnect", json!({ "id": id })).await.expect("an answer");
    assert!(ended.queued && !ended.revoked, "{:?}", ended.words);
    assert!(ended.words.iter().any(|words| words.contains("as soon as")), "{:?}", ended.words);
    assert_eq!(stage.row(&id).await.state, ConnectionState::Disconnecting);
    assert_eq!(
        keyring::token_entries(stage.folder.path()),
        [entry],
        "what ends the sign-in is kept until it has ended"
    );

    // The network is back, after a restart of the computer.
    let practised = Practised::start(folder.path()).await;
    stage.practice = practised.practice.clone();
    stage.clock.turn(3600);
    stage.reopen().await;
    for _ in 0..200 {
        let rows: Vec<ConnectionRow> = stage.ask("connections", json!({})).await.expect("a list");
        if rows.is_empty() && keyring::token_entries(stage.folder.path()).is_empty() {
            assert!(stage.practice.counts("DROPBOX").await.revokes > 0, "the provider was told");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the disconnect was not made up for");
}
