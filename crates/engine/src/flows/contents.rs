//! Contents: who asks a provider for them in a connection's name, and how their text is taken out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tieline_extract::Format;

use crate::connection::Connection;
use crate::error::{Code, Error, Result};
use crate::flows::token::{self, Want};
use crate::item::{Content, Item};
use crate::secret::Secret;
use crate::sources::rest::{Parts, Tokens};
use crate::sources::{self, Rest, Source};
use crate::world::World;

/// For so long a token is used without looking at the keyring again.
const TOKEN_IN_HAND: Duration = Duration::from_secs(30);

/// A connection's source and what it asks through.
pub(crate) struct Reader {
    pub source: &'static dyn Source,
    pub rest: Rest,
    /// The provider's name, for words.
    pub provider: String,
}

/// Fails with `NotSetUp` where nothing can be listed for this provider.
pub(crate) fn reader(world: &Arc<World>, it: &Connection) -> Result<Reader> {
    let provider = world.provider(&it.provider)?;
    let nothing = || {
        Error::new(
            Code::NotSetUp,
            format!("Tieline connects {} and cannot look into it.", provider.name),
            "Its sign-in is kept alive for other programs.",
        )
    };
    let source = sources::of(&provider.id).ok_or_else(nothing)?;
    let parts = Parts {
        client: world.client(),
        clock: world.clock.clone(),
        tokens: tokens(world, &it.id),
        fields: it.fields(),
        besides: world.store.data_source_of(&it.id)?.map_or_else(Vec::new, |it| it.options.besides()),
        pace: world.pace(&it.id, &provider),
    };
    let rest = Rest::new(&provider, parts).ok_or_else(nothing)?;
    Ok(Reader { source, rest, provider: provider.name.clone() })
}

/// The connection's tokens by the refresh protocol.
fn tokens(world: &Arc<World>, id: &str) -> Tokens {
    type InHand = Arc<Mutex<Option<(Secret, u32, Instant)>>>;
    let (world, id, in_hand) = (Arc::downgrade(world), id.to_owned(), InHand::default());
    Arc::new(move |refused| {
        let (world, id, in_hand) = (world.clone(), id.clone(), Arc::clone(&in_hand));
        Box::pin(async move {
            let lock = || in_hand.lock().unwrap_or_else(PoisonError::into_inner);
            let known = lock().clone();
            if let Some((token, version, since)) = known
                && refused.is_none_or(|refused| version > refused)
                && since.elapsed() < TOKEN_IN_HAND
            {
                return Ok((token, version));
            }
            let world =
                world.upgrade().ok_or_else(|| Error::new(Code::Cancelled, "Tieline is closing.", ""))?;
            let (access, it) =
                token::access(&world, &id, refused.map_or(Want::Usable, Want::NewerThan)).await?;
            // Sources belong to the catalogue, none of whose providers binds its tokens to a key.
            let token = access.token;
            *lock() = Some((token.clone(), it.secret_version, Instant::now()));
            Ok((token, it.secret_version))
        })
    })
}

/// Whether a program wants an item's text plain: by what it said of the item, else by what it said of the connection.
pub(crate) fn is_plain(world: &World, connection: &str, row: i64) -> Result<bool, Error> {
    let Some(source) = world.store.data_source_of(connection)? else { return Ok(false) };
    let own = world.library.content(row)?.and_then(|it| it.options);
    let own = own.as_ref().map(|own| &own["file_sync_config"]).filter(|own| own.is_object());
    let format = match own {
        Some(own) => own["parsed_text_format"].as_str(),
        None => source.options.file_sync_config.parsed_text_format.as_deref(),
    };
    Ok(format == Some("PLAIN_TEXT"))
}

/// The text of contents, or why there is none.
pub(crate) async fn text(world: &World, item: &Item, content: Content) -> Result<String, String> {
    let (bytes, media_type, name) = match content {
        Content::Text(text) | Content::Markdown(text) => return Ok(text),
        Content::Document { bytes, media_type, name } => (bytes, media_type, name),
    };
    if bytes.is_empty() {
        return Ok(String::new());
    }
    let name = if !name.is_empty() {
        name
    } else if let Some(format) = &item.format {
        format!("it.{format}")
    } else {
        item.name.clone()
    };
    let head = &bytes[..bytes.len().min(4096)];
    let Some(format) = Format::of(&name, media_type.as_deref(), head) else {
        return Err("Tieline cannot take text out of this kind of file.".into());
    };
    world.extractor.text(bytes, format).await.map(|it| it.text).map_err(|it| it.words)
}
