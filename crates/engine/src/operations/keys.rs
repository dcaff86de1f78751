//! Keys of other programs, as their person sees them.

use super::wire::{
    AccessToken, AddKey, AddedKey, Approval, ById, DecideApproval, KeyGroup, KeyRow, KeyUse, Nothing,
    OptionLine, ProgramOptions, Serving, UsesAsk,
};
use crate::app::App;
use crate::clock::rfc3339;
use crate::connection::Connection;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::problem::NamedValue;
use crate::program::{CONTRACTS, GROUPS, May};
use crate::programs;
use crate::settings::API_PORT;
use crate::world::World;

pub(super) async fn keys(app: &App, _: Nothing) -> Result<Vec<KeyRow>> {
    Ok(app.world().store.keys()?.into_iter().map(programs::key_row).collect())
}

pub(super) async fn key_groups(_: &App, _: Nothing) -> Result<Vec<KeyGroup>> {
    let usual = May::usual().operations;
    Ok(GROUPS
        .iter()
        .map(|(name, meaning, operations)| KeyGroup {
            name: (*name).into(),
            meaning: (*meaning).into(),
            usual: usual.iter().any(|it| it == name),
            everything: *name == CONTRACTS,
            operations: operations.iter().map(|it| (*it).to_owned()).collect(),
        })
        .collect())
}

pub(super) async fn add_key(app: &App, ask: AddKey) -> Result<AddedKey> {
    let usual = May::usual_within(ask.reach.unwrap_or_default());
    let may = May {
        operations: ask.operations.unwrap_or(usual.operations),
        reach: usual.reach,
        origins: ask.origins,
        per_minute: ask.per_minute,
    };
    let (key, secret) = programs::add_key(&app.world(), &ask.name, ask.organization.as_deref(), may)?;
    Ok(AddedKey { key: programs::key_row(key), secret: secret.expose().to_owned() })
}

pub(super) async fn revoke_key(app: &App, ask: ById) -> Result<Nothing> {
    let world = app.world();
    world.store.key(&ask.id)?.ok_or_else(|| Error::not_found("key", &ask.id))?;
    world.store.revoke_key(&ask.id, world.now())?;
    world.flows.cancel_of(&ask.id);
    world.changed(Change::Keys);
    Ok(Nothing {})
}

pub(super) async fn key_uses(app: &App, ask: UsesAsk) -> Result<Vec<KeyUse>> {
    let world = app.world();
    world.store.key(&ask.id)?.ok_or_else(|| Error::not_found("key", &ask.id))?;
    let limit = ask.limit.unwrap_or(100).clamp(1, 500);
    let uses = world.store.uses(&ask.id, ask.before, limit)?;
    uses.into_iter()
        .map(|(id, it)| {
            Ok(KeyUse {
                id,
                at: rfc3339(it.at),
                connection_name: name_of(&world, &it.connection)?,
                what: it.what,
                connection: it.connection,
                status: it.status,
                times: it.times,
            })
        })
        .collect()
}

pub(super) async fn approvals(app: &App, _: Nothing) -> Result<Vec<Approval>> {
    let world = app.world();
    let open = world.store.open_approvals()?;
    open.into_iter()
        .map(|it| {
            Ok(Approval {
                id: u32::try_from(it.id).unwrap_or(u32::MAX),
                key_name: world.store.key(&it.key)?.map(|key| key.name).unwrap_or_default(),
                connection_name: name_of(&world, &it.connection)?,
                key: it.key,
                connection: it.connection,
                asked_at: rfc3339(it.asked_at),
            })
        })
        .collect()
}

/// What the account is called, with its service; empty where there is none.
fn name_of(world: &World, connection: &str) -> Result<String> {
    let Some(it) = world.store.connection(connection)? else { return Ok(String::new()) };
    let provider = world.provider(&it.provider).map_or_else(|_| it.provider.clone(), |it| it.name.clone());
    Ok(format!("{provider}, {}", it.title()))
}

pub(super) async fn decide_approval(app: &App, ask: DecideApproval) -> Result<Nothing> {
    let world = app.world();
    let decided = world.store.decide_approval(i64::from(ask.id), ask.allow, world.now())?;
    let (it, now) = decided.ok_or_else(|| Error::not_found("question", &ask.id.to_string()))?;
    if !now {
        let said = if it.allowed { "Allowed" } else { "Not allowed" };
        return Err(Error::new(
            Code::Conflict,
            format!("This question was answered before: {}.", said.to_lowercase()),
            "The answer stands as long as the key. Revoke the key to end it, and make another one to be asked again.",
        ));
    }
    world.changed(Change::Approval);
    Ok(Nothing {})
}

/// In the table for those who read it: the API answers it itself, because it depends on the key.
pub(super) async fn access_token(_: &App, _: ById) -> Result<AccessToken> {
    Err(Error::new(
        Code::Refused,
        "Access tokens are handed to programs over the loopback API only.",
        "Make a key with the right to them, and ask with that.",
    ))
}

pub(super) async fn serving(app: &App, _: Nothing) -> Result<Serving> {
    let mut serving = app.serving();
    serving.keys = u32::try_from(app.programs().keys()?).unwrap_or(u32::MAX);
    if serving.port == 0 {
        serving.port = app.world().store.settings()?.api_port.unwrap_or(API_PORT);
    }
    Ok(serving)
}

/// What a program decided about a connection, in words.
pub(super) fn options(world: &World, it: &Connection) -> Result<Option<ProgramOptions>> {
    let Some(source) = world.store.data_source_of(&it.id)? else { return Ok(None) };
    let organization = world.store.organization(source.owner.organization)?;
    let options = &source.options;
    let config = &options.file_sync_config;
    let yes = |on: bool| if on { "Yes" } else { "No" }.to_owned();
    let line = |label: &str, value: String| OptionLine { label: label.into(), value, note: None };
    let not_made = "Kept for the program. Tieline makes no chunks or vectors yet.";
    let kept = |label: &str, value: String| OptionLine { note: Some(not_made.into()), ..line(label, value) };
    let heard = "Kept for the program. Tieline reads no sound and no pictures yet.";
    let unheard = |label: &str, value: String| OptionLine { note: Some(heard.into()), ..line(label, value) };
    let tags = match &options.tags {
        serde_json::Value::Null => "None".to_owned(),
        tags => tags.to_string(),
    };
    let lines = vec![
        line("Tags of files", tags),
        line("Request", options.request_id.clone().unwrap_or_else(|| "None".into())),
        line("Reads everything once connected", yes(options.sync_files_on_connection)),
        line("Lists what there is once connected", yes(options.sync_source_items)),
        line("Later syncs ask for changes only", yes(options.incremental_sync)),
        line("Offers to choose files", yes(options.enable_file_picker)),
        line("Opens the choice of files by itself", yes(options.automatically_open_file_picker)),
        line("Kinds that are read", config.auto_synced_source_types.join(", ")),
        line("Attachments of tickets", yes(config.sync_attachments)),
        line("Only listed, nothing is fetched", yes(config.skip_file_processing)),
        kept("Chunks of", format!("{} tokens, {} shared", options.chunk_size, options.chunk_overlap)),
        kept(
            "Vectors",
            if options.skip_embedding_generation { "None".into() } else { options.embedding_model.clone() },
        ),
        kept("Sparse vectors", yes(options.generate_sparse_vectors)),
        kept("File name in each chunk", yes(options.prepend_filename_to_chunks)),
        kept("Pages end chunks", yes(options.set_page_as_boundary)),
        kept(
            "Rows in a chunk",
            options.max_items_per_chunk.map_or_else(|| "Any".into(), |most| most.to_string()),
        ),
        unheard("Reads pictures of text", yes(options.use_ocr || options.parse_pdf_tables_with_ocr)),
        unheard("Writes down sound", config.transcription_service.clone().unwrap_or_else(|| "No".into())),
    ];
    Ok(Some(ProgramOptions {
        organization: organization.map(|it| it.name).unwrap_or_default(),
        customer: source.owner.customer,
        number: u32::try_from(source.number).unwrap_or(u32::MAX),
        tags: source
            .tags
            .iter()
            .map(|(name, value)| NamedValue {
                label: name.clone(),
                value: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            })
            .collect(),
        options: lines,
    }))
}
