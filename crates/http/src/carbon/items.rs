//! What a data source holds: listed for a picker, and chosen to be read.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};
use tieline_engine::clock;
use tieline_engine::program::{Customer, DataSource};
use tieline_engine::wire::{ItemsPage, SyncState};
use tieline_engine::{Content, Contents, FileState, Order};

use super::body::{
    At, Body, Fields, FromBody, Pagination, fields, flag, list, list_of, one_of, pagination, text, whole,
};
use super::choosing::{self, Choice};
use super::objects::{DIRECTIONS, instant, sync_state};
use super::{Answer, Caller, Sorry, answer, call, kinds, live_data_source_of, success};
use crate::Door;

/// Times that the provider is asked for one page of a picker.
const LOOKS: usize = 20;
/// Formats and kinds that one filter may name.
const MOST_NAMED: usize = 50;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/integrations/items/list", post(items_list))
        .route("/integrations/files/sync", post(files_sync))
        .route("/integrations/confluence/list", post(confluence_list))
        .route("/integrations/confluence/sync", post(confluence_sync))
}

#[derive(Debug, Default)]
struct ItemFilters {
    external_ids: Option<Vec<String>>,
    ids: Option<Vec<i64>>,
    name: Option<String>,
    root_files_only: bool,
    file_formats: Option<Vec<String>>,
    item_types: Option<Vec<String>>,
}

fn item_filters(value: &Value, at: &mut At) -> Option<ItemFilters> {
    fields(|it| ItemFilters {
        external_ids: it.maybe("external_ids", list(text)),
        ids: it.maybe("ids", list(whole)),
        name: it.maybe("name", text).filter(|name| !name.is_empty()),
        root_files_only: it.maybe("root_files_only", flag).unwrap_or_default(),
        file_formats: it.maybe("file_formats", list_of(0, MOST_NAMED, one_of(kinds::STORED_FORMATS))),
        item_types: it.maybe("item_types", list_of(0, MOST_NAMED, one_of(kinds::ITEM_TYPES))),
    })(value, at)
}

impl ItemFilters {
    /// Whether it is looked for something, wherever it stands.
    fn search(&self) -> bool {
        self.external_ids.is_some()
            || self.ids.is_some()
            || self.name.is_some()
            || self.file_formats.is_some()
            || self.item_types.is_some()
    }
}

#[derive(Debug)]
struct ListItems {
    data_source: i64,
    parent: Option<String>,
    filters: ItemFilters,
    page: Pagination,
    order: Order,
    descending: bool,
}

impl FromBody for ListItems {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| {
            let order = it.maybe("order_by", one_of(&["name", "id", "directories_first"]));
            Self {
                data_source: it.need("data_source_id", whole),
                parent: it.maybe("parent_id", text).filter(|id| !id.is_empty()),
                filters: it.maybe("filters", item_filters).unwrap_or_default(),
                page: it.maybe("pagination", pagination).unwrap_or_default(),
                order: match order.as_deref() {
                    Some("id") => Order::Number,
                    Some("directories_first") => Order::FoldersFirst,
                    _ => Order::Name,
                },
                descending: descending(it, "asc"),
            }
        })(body, at)
    }
}

/// Reads `order_dir`.
pub(super) fn descending(it: &mut Fields<'_>, usual: &str) -> bool {
    it.maybe("order_dir", one_of(DIRECTIONS)).as_deref().unwrap_or(usual) == "desc"
}

/// A page of what stands below an item or at the top; with filters and no parent, of all there is. Where the listing is
/// not complete yet the provider is asked now, so that a picker need not wait for it.
async fn items_list(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<ListItems>) -> Answer {
    let source = live_data_source_of(&door, &caller, ask.data_source)?;
    let (items, count) = below(&door, &source, &ask).await?;
    let customer = door.app.programs().customer_made(source.owner.organization, &source.owner.customer)?;
    let listed = sync_state(&door, &source.connection).await?.and_then(|state| listed_at(&state));
    let items: Vec<Value> =
        items.iter().map(|item| source_item(&source, &customer, item, listed.as_deref())).collect();
    answer(json!({ "items": items, "count": count }))
}

async fn below(door: &Arc<Door>, source: &DataSource, ask: &ListItems) -> Result<(Vec<Content>, u64), Sorry> {
    let state = sync_state(door, &source.connection).await?;
    let is_complete = state.as_ref().is_some_and(|state| state.complete);
    let search = ask.filters.search() && ask.parent.is_none();
    if !is_complete && !search {
        look(door, source, ask.parent.as_deref(), ask.page).await?;
    } else if let Some(parent) = &ask.parent
        && !choosing::known(door, source, std::slice::from_ref(parent))?.unknown.is_empty()
    {
        return Err(Sorry::unknown("item with the id", parent));
    }
    let filters = &ask.filters;
    let question = Contents {
        connections: vec![source.connection.clone()],
        parent: (!search).then(|| ask.parent.clone()),
        ids: filters.external_ids.clone(),
        numbers: filters.ids.clone(),
        name: filters.name.clone(),
        formats: filters.file_formats.as_deref().map(kinds::endings),
        kinds: filters.item_types.as_deref().map(|types| kinds::called(&source.provider, types)),
        roots_only: filters.root_files_only && ask.parent.is_none(),
        order: ask.order,
        descending: ask.descending,
        starting_number: ask.page.starting_id,
        offset: ask.page.offset,
        limit: ask.page.limit,
        ..Contents::default()
    };
    Ok(door.app.programs().contents(&question)?)
}

/// Asks the provider what stands below an item, until this page is known and whether there is another one.
async fn look(
    door: &Arc<Door>,
    source: &DataSource,
    parent: Option<&str>,
    page: Pagination,
) -> Result<(), Sorry> {
    let wanted = u64::from(page.offset) + u64::from(page.limit) + 1;
    let question = || Contents {
        connections: vec![source.connection.clone()],
        parent: Some(parent.map(str::to_owned)),
        limit: 0,
        ..Contents::default()
    };
    let known = || Ok::<u64, Sorry>(door.app.programs().contents(&question())?.1);
    if page.offset > 0 && known()? >= wanted {
        return Ok(());
    }
    let mut cursor: Option<String> = None;
    for _ in 0..LOOKS {
        let ask =
            json!({ "connection": source.connection, "parent": parent, "cursor": cursor, "limit": 1000 });
        let found: ItemsPage = call(door, "items", ask).await?;
        cursor = found.next.filter(|_| found.live);
        if cursor.is_none() || known()? >= wanted {
            break;
        }
    }
    Ok(())
}

/// When everything there is was last listed.
fn listed_at(state: &SyncState) -> Option<String> {
    state.ended_at.as_deref().filter(|_| state.complete).and_then(clock::from_rfc3339).map(instant)
}

/// The object, every key of which is always there.
fn source_item(source: &DataSource, customer: &Customer, content: &Content, listed: Option<&str>) -> Value {
    let item = &content.item;
    let made = instant(content.made_at);
    json!({
        "id": content.number,
        "external_id": item.id,
        "source": source.provider,
        "name": item.name,
        "synced_at": listed.unwrap_or(&made),
        // A folder is chosen with all below it.
        "is_selectable": item.selectable || item.expandable,
        "is_expandable": item.expandable,
        "organization_id": source.owner.organization,
        "organization_user_id": customer.number,
        "organization_supplied_user_id": source.owner.customer,
        "organization_user_data_source_id": source.number,
        "organization_user_file_to_sync_id": is_file(content).then_some(content.number),
        "parent_external_id": item.parent,
        "item_type": kinds::item_type(&source.provider, item.kind),
        "root_external_id": item.root,
        "external_url": item.url,
        "file_format": kinds::format(&source.provider, item),
        "created_at": made,
        "updated_at": instant(content.changed_at),
    })
}

/// It was chosen, by itself or with what it stands in.
fn is_file(content: &Content) -> bool {
    content.picked || content.state != FileState::No
}

#[derive(Debug)]
struct FilesSync {
    data_source: i64,
    ids: Vec<Chosen>,
    choice: Choice,
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Chosen {
    id: String,
    root: Option<String>,
}

impl FromBody for FilesSync {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            data_source: it.need("data_source_id", whole),
            ids: it.need("ids", list(chosen)),
            choice: Choice::read(it),
        })(body, at)
    }
}

/// An id, or one with what it all hangs on.
fn chosen(value: &Value, at: &mut At) -> Option<Chosen> {
    if value.is_object() {
        let read = fields(|it| Chosen { id: it.need("id", text), root: Some(it.need("root_id", text)) });
        return read(value, at);
    }
    text(value, at).map(|id| Chosen { id, root: None })
}

async fn files_sync(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<FilesSync>) -> Answer {
    let source = live_data_source_of(&door, &caller, ask.data_source)?;
    sync(&door, &source, &ask).await
}

async fn sync(door: &Arc<Door>, source: &DataSource, ask: &FilesSync) -> Answer {
    let ids: Vec<String> = ask.ids.iter().map(|it| it.id.clone()).collect();
    let known = choosing::known(door, source, &ids)?;
    for Chosen { id, root } in ask.ids.iter().filter(|it| it.root.is_some()) {
        let elsewhere = |it: &&Content| it.item.id == *id && it.item.root.is_some() && it.item.root != *root;
        if let Some(root) = root.as_ref().filter(|_| known.items.iter().any(|it| elsewhere(&it))) {
            return Err(Sorry::unknown("item with the id", format!("{id} in {root}")));
        }
    }
    choosing::choose(door, source, &ids, &ask.choice).await?;
    success()
}

/// Which data source, and what stands below what of it.
#[derive(Debug)]
struct ListPages {
    data_source: i64,
    parent: Option<String>,
}

impl FromBody for ListPages {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            data_source: it.need("data_source_id", whole),
            parent: it.maybe("parent_id", text).filter(|id| !id.is_empty()),
        })(body, at)
    }
}

/// An older form of the list, for one service, without pages.
async fn confluence_list(
    State(door): State<Arc<Door>>,
    caller: Caller,
    Body(ask): Body<ListPages>,
) -> Answer {
    let source = confluence(&door, &caller, ask.data_source)?;
    let ask = ListItems {
        data_source: ask.data_source,
        parent: ask.parent,
        filters: ItemFilters::default(),
        page: Pagination { limit: 10_000, ..Pagination::default() },
        order: Order::Name,
        descending: false,
    };
    let (items, _) = below(&door, &source, &ask).await?;
    let row = |it: &Content| json!({ "id": it.item.id, "name": it.item.name, "is_synced": is_file(it), "has_children": it.item.expandable });
    answer(json!({ "data": items.iter().map(row).collect::<Vec<_>>() }))
}

async fn confluence_sync(
    State(door): State<Arc<Door>>,
    caller: Caller,
    Body(ask): Body<FilesSync>,
) -> Answer {
    let source = confluence(&door, &caller, ask.data_source)?;
    sync(&door, &source, &ask).await
}

fn confluence(door: &Arc<Door>, caller: &Caller, number: i64) -> Result<DataSource, Sorry> {
    let source = live_data_source_of(door, caller, number)?;
    if source.provider != "CONFLUENCE" {
        return Err(Sorry::bad(format!(
            "Data source {number} is one of {}, and this address is for CONFLUENCE. Use /integrations/items/list and \
             /integrations/files/sync.",
            source.provider
        )));
    }
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::super::body;
    use super::*;

    fn faults<T: FromBody>(body: Value) -> String {
        let read = body::read::<T>(body.to_string().as_bytes());
        let sorry = read.map(|_| ()).unwrap_err();
        let faults = sorry.detail().as_array().unwrap().clone();
        faults.iter().map(|it| it["loc"].to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_list_is_asked_for_as_clients_do() {
        let read = |body: Value| body::read::<ListItems>(body.to_string().as_bytes()).unwrap();
        let usual =
            read(json!({ "data_source_id": 1, "filters": {}, "pagination": { "offset": 0, "limit": 20 } }));
        assert_eq!((usual.order, usual.descending, usual.page.limit), (Order::Name, false, 20));
        assert!(!usual.filters.search());
        let other = read(json!({ "data_source_id": 1, "parent_id": null, "order_by": "directories_first",
            "order_dir": "desc", "filters": { "name": "a", "file_formats": ["PDF"], "item_types": ["FILE"] } }));
        assert_eq!((other.order, other.descending), (Order::FoldersFirst, true));
        assert!(other.filters.search());
        let many =
            json!({ "filters": { "file_formats": vec!["PDF"; 51], "item_types": ["page"], "ids": ["one"] } });
        let expected = r#"["body","data_source_id"] ["body","filters","ids",0] ["body","filters","file_formats"] ["body","filters","item_types",0]"#;
        assert_eq!(faults::<ListItems>(many), expected);
    }

    #[test]
    fn ids_come_in_two_forms() {
        let ask = json!({ "data_source_id": 1, "ids": ["a", { "id": "b", "root_id": "r" }] });
        let read: FilesSync = body::read(ask.to_string().as_bytes()).unwrap();
        assert_eq!(
            read.ids,
            [Chosen { id: "a".into(), root: None }, Chosen { id: "b".into(), root: Some("r".into()) }]
        );
        let wrong = json!({ "data_source_id": "x", "ids": [1, { "id": "b" }] });
        let expected = r#"["body","data_source_id"] ["body","ids",0] ["body","ids",1,"root_id"]"#;
        assert_eq!(faults::<FilesSync>(wrong), expected);
        assert_eq!(faults::<FilesSync>(json!({ "data_source_id": 1 })), r#"["body","ids"]"#);
    }
}
