//! What pages are made of.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{PAGE, Parent, Rows, get, one, words};
use crate::clock::{Seconds, from_rfc3339};
use crate::sources::rest::segment;
use crate::sources::{Fault, Rest};

/// Steps from a block to the page around it.
const DEEPEST: usize = 12;
/// Blocks that one page may have.
const MOST: usize = 50_000;

#[derive(Deserialize)]
struct Block {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    created_time: Option<String>,
    #[serde(default)]
    has_children: bool,
    #[serde(default)]
    in_trash: bool,
    #[serde(default)]
    archived: bool,
    parent: Option<Parent>,
    /// Under the name of its kind: what it says.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A page or a database that stands in a page.
#[derive(Clone)]
pub struct Child {
    pub id: String,
    pub created: Option<Seconds>,
}

#[derive(Default)]
pub struct Below {
    pub pages: Vec<Child>,
    pub databases: Vec<Child>,
}

/// The pages and databases that stand in a page, also in its toggles and columns.
pub async fn below(rest: &Rest, page: &str) -> Result<Below, Fault> {
    let mut below = Below::default();
    each(rest, page, |block, _| {
        let child =
            || Child { id: block.id.clone(), created: block.created_time.as_deref().and_then(from_rfc3339) };
        match block.kind.as_deref() {
            Some("child_page") => below.pages.push(child()),
            Some("child_database") => below.databases.push(child()),
            _ => {}
        }
    })
    .await?;
    Ok(below)
}

/// What a page says, block after block.
pub async fn text(rest: &Rest, page: &str) -> Result<String, Fault> {
    let mut text = String::new();
    each(rest, page, |block, depth| {
        let said = block
            .kind
            .as_deref()
            .and_then(|kind| block.rest.get(kind))
            .map(words::of_block)
            .unwrap_or_default();
        if !said.is_empty() {
            text.push_str(&"  ".repeat(depth));
            text.push_str(&said);
            text.push_str("\n\n");
        }
    })
    .await?;
    Ok(text.trim_end().to_owned())
}

/// The page that a block stands in; none where it cannot be seen.
pub async fn page_around(rest: &Rest, block: &str) -> Result<Option<String>, Fault> {
    let mut next = block.to_owned();
    for _ in 0..DEEPEST {
        let Some(found) = one::<Block>(rest, format!("/blocks/{}", segment(&next))).await? else {
            return Ok(None);
        };
        let parent = found.parent.unwrap_or_default();
        match parent.block_id {
            Some(above) => next = above,
            None => return Ok(parent.page_id.or(parent.data_source_id)),
        }
    }
    Ok(None)
}

/// Sees every block of a page in order, with its depth. Pages and databases in it are items of their own and are not
/// entered.
async fn each(rest: &Rest, page: &str, mut see: impl FnMut(&Block, usize)) -> Result<(), Fault> {
    let (mut entered, mut count) = (BTreeSet::from([page.to_owned()]), 0);
    // Last in, first out: what stands in a block comes directly after it, then the rest of the list around it.
    let mut open =
        vec![Open { id: page.to_owned(), depth: 0, cursor: None, found: Vec::new(), is_asked: false }];
    while let Some(mut level) = open.pop() {
        if level.found.is_empty() {
            if level.is_asked && level.cursor.is_none() {
                continue;
            }
            let path = format!("/blocks/{}/children", segment(&level.id));
            let ask = get(rest, path).query("page_size", PAGE).maybe("start_cursor", level.cursor.as_deref());
            let rows: Rows<Block> = match ask.value().await {
                // A synced block may show what stands in a page that is not shared.
                Err(Fault::Status(reply)) if reply.status == 404 && level.depth > 0 => continue,
                other => other?,
            };
            (level.cursor, level.found, level.is_asked) = (rows.next_cursor, rows.results, true);
            level.found.reverse();
            count += level.found.len();
            if count > MOST {
                return Err(Fault::Unreadable("The page has more than 50,000 blocks.".into()));
            }
        }
        let Some(block) = level.found.pop() else { continue };
        let depth = level.depth;
        open.push(level);
        if block.in_trash || block.archived {
            continue;
        }
        see(&block, depth);
        let is_item = matches!(block.kind.as_deref(), Some("child_page" | "child_database"));
        if block.has_children && !is_item && entered.insert(block.id.clone()) {
            open.push(Open {
                id: block.id,
                depth: depth + 1,
                cursor: None,
                found: Vec::new(),
                is_asked: false,
            });
        }
    }
    Ok(())
}

/// A list of blocks under way.
struct Open {
    id: String,
    depth: usize,
    cursor: Option<String>,
    found: Vec<Block>,
    is_asked: bool,
}
