//! Drive items of Graph: folders and files of a drive, listed and followed by delta queries
//! (`driveitem-delta.md`), and what shortcuts in a drive lead to.
//!
//! A delta query tells changes and deletions of one drive. What a shortcut leads to lies in somebody else's drive and
//! is listed anew at every sync; the ids that were there last time tell what is gone.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::graph::{self, Rows};
use super::rest::{Ask, DOCUMENT, segment};
use super::{Fault, Rest};
use crate::clock::from_rfc3339;
use crate::error::{Code, Error};
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page, ending, is_without_text};

const FIELDS: &str = "$select=id,name,size,eTag,cTag,lastModifiedDateTime,webUrl,folder,file,package,remoteItem,\
    parentReference,root,deleted&$top=1000";
/// More than so many things behind shortcuts are not remembered, and everything is listed anew at every sync.
const MOST_BEHIND: usize = 2000;
/// By this SharePoint and OneDrive tell programs apart and treat them better when there is much traffic
/// ("how to avoid getting throttled").
const AGENT: &str = concat!("NONISV|Tieline|Tieline/", env!("CARGO_PKG_VERSION"));

/// Where a listing of drives stands; as text it is the cursor.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    pub drives: Vec<Drive>,
    /// What drives stand in, where a source lists that: looked at again at the beginning of a sync.
    pub above: Vec<String>,
    /// What is above the drives was listed, and the drives are followed.
    pub begun: bool,
    shortcuts: Vec<Shortcut>,
    /// The drives are done, and these of what shortcuts lead to are still to be listed.
    open: Option<Vec<Open>>,
    /// What shortcuts led to at the last sync, and what they have led to at this one.
    before: Vec<String>,
    behind: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub struct Drive {
    /// `/me/drive` or `/drives/…`.
    pub address: String,
    /// The item that its top is, and the id of the drive; none where the drive itself is not shown.
    pub id: Option<String>,
    /// Ids under which the drive's root appears: personal drives use more than one.
    #[serde(default)]
    roots: Vec<String>,
    link: Option<String>,
    #[serde(default)]
    ended: bool,
}

impl Drive {
    pub fn new(address: String, id: Option<String>) -> Self {
        Self { address, id, roots: Vec::new(), link: None, ended: false }
    }
}

/// A shortcut, and where it leads.
#[derive(Clone, Serialize, Deserialize)]
struct Shortcut {
    id: String,
    parent: Option<String>,
    root: Option<String>,
    name: String,
    to: String,
    is_folder: bool,
}

/// A folder in somebody else's drive, or a file that a shortcut leads to.
#[derive(Clone, Serialize, Deserialize)]
struct Open {
    parent: String,
    address: String,
    link: Option<String>,
    file: Option<Shortcut>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: Option<String>,
    size: Option<u64>,
    e_tag: Option<String>,
    c_tag: Option<String>,
    last_modified_date_time: Option<String>,
    web_url: Option<String>,
    folder: Option<Facet>,
    file: Option<File>,
    package: Option<Facet>,
    remote_item: Option<Box<Remote>>,
    parent_reference: Option<Reference>,
    root: Option<Facet>,
    deleted: Option<Facet>,
}

#[derive(Deserialize)]
struct Facet {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    mime_type: Option<String>,
    hashes: Option<Hashes>,
}

/// Which of them there are depends on the kind of the drive.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hashes {
    quick_xor_hash: Option<String>,
    sha256_hash: Option<String>,
    sha1_hash: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remote {
    id: Option<String>,
    folder: Option<Facet>,
    package: Option<Facet>,
    parent_reference: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    id: Option<String>,
    drive_id: Option<String>,
    path: Option<String>,
}

/// The next page of what changed in the drives; a page without any is the end of the last drive.
pub async fn changes(rest: &Rest, mut place: Place) -> Result<Changes, Fault> {
    if let Some(at) = place.drives.iter().position(|drive| !drive.ended) {
        let (items, removed) = drive_page(rest, &mut place, at).await?;
        return Ok(Changes { items, removed, next: Next::More(graph::cursor(&place)?) });
    }
    let shortcuts = &place.shortcuts;
    let open = place.open.get_or_insert_with(|| shortcuts.iter().rev().map(Shortcut::open).collect());
    if let Some(next) = open.pop() {
        let items = behind(rest, &mut place, next).await?;
        return Ok(Changes { items, removed: Vec::new(), next: Next::More(graph::cursor(&place)?) });
    }
    end(place)
}

fn end(mut place: Place) -> Result<Changes, Fault> {
    let found: HashSet<&String> = place.behind.iter().collect();
    let removed = place.before.iter().filter(|id| !found.contains(id)).cloned().collect();
    let too_many = place.behind.len() > MOST_BEHIND;
    place.before = std::mem::take(&mut place.behind);
    (place.begun, place.open) = (false, None);
    place.drives.iter_mut().for_each(|drive| drive.ended = false);
    let position = if too_many { None } else { Some(graph::cursor(&place)?) };
    Ok(Changes { items: Vec::new(), removed, next: Next::Done(position) })
}

async fn drive_page(rest: &Rest, place: &mut Place, at: usize) -> Result<(Vec<Listed>, Vec<String>), Fault> {
    let Place { drives, shortcuts, .. } = place;
    let drive = &mut drives[at];
    if drive.roots.is_empty() {
        #[derive(Deserialize)]
        struct Root {
            id: String,
        }
        let root: Root = ask(rest, format!("{}/root?$select=id", drive.address)).value().await?;
        drive.roots.push(root.id);
    }
    let link = drive.link.clone().unwrap_or_else(|| format!("{}/root/delta?{FIELDS}", drive.address));
    let page: Rows<Row> = ask(rest, link).value().await.map_err(graph::of_delta)?;
    drive.ended = page.next.is_none();
    drive.link = page.next.or(page.delta);
    if drive.link.is_none() {
        return Err(Fault::Failed(Error::new(
            Code::Temporary,
            "The provider did not say where the list of files goes on.",
            "Tieline tries again at the next sync.",
        )));
    }
    let (mut items, mut removed, mut last) = (Vec::new(), Vec::new(), HashSet::new());
    // A thing may come several times, and its last appearance counts.
    for row in page.value.into_iter().rev() {
        if !last.insert(row.id.clone()) {
            continue;
        }
        if row.root.is_some() {
            if !drive.roots.iter().any(|root| same(root, &row.id)) {
                drive.roots.push(row.id);
            }
        } else if row.deleted.is_some() {
            shortcuts.retain(|it| it.id != row.id);
            removed.push(row.id);
        } else {
            items.push(row);
        }
    }
    let items = items.into_iter().rev().map(|row| {
        let parent = drive.parent(row.parent_reference.as_ref());
        shortcuts.retain(|it| it.id != row.id);
        let leads = shortcut(&row, parent.clone(), drive.id.clone());
        let item = listed(row, parent, drive.id.clone(), None);
        // Whether a file elsewhere can be read shows when it is looked at below.
        let selectable = item.selectable && leads.is_none();
        shortcuts.extend(leads);
        Item { selectable, ..item }.into()
    });
    Ok((items.collect(), removed))
}

impl Drive {
    /// What a thing stands in, by the id: a delta query leaves the path out.
    fn parent(&self, reference: Option<&Reference>) -> Option<String> {
        let id = reference.and_then(|it| it.id.as_ref());
        let at_top = reference.and_then(|it| it.path.as_deref()).is_some_and(|path| path.ends_with("/root:"));
        match id {
            Some(id) if !at_top && !self.roots.iter().any(|root| same(root, id)) => Some(id.clone()),
            _ => self.id.clone(),
        }
    }
}

impl Shortcut {
    fn open(&self) -> Open {
        let file = (!self.is_folder).then(|| self.clone());
        Open { parent: self.id.clone(), address: self.to.clone(), link: None, file }
    }
}

/// Where a shortcut leads, unless it stays within the drive, whose things are listed anyway.
fn shortcut(row: &Row, parent: Option<String>, root: Option<String>) -> Option<Shortcut> {
    let to = target(row)?;
    let remote = row.remote_item.as_ref()?;
    let drive = |it: &Option<Reference>| it.as_ref().and_then(|it| it.drive_id.clone()).unwrap_or_default();
    let (own, other) = (drive(&row.parent_reference), drive(&remote.parent_reference));
    if remote.package.is_some() || same_drive(&own, &other) {
        return None;
    }
    let name = row.name.clone().unwrap_or_default();
    Some(Shortcut { id: row.id.clone(), parent, root, name, to, is_folder: remote.folder.is_some() })
}

fn target(row: &Row) -> Option<String> {
    let remote = row.remote_item.as_ref()?;
    let drive = remote.parent_reference.as_ref()?.drive_id.as_ref()?;
    Some(address(drive, remote.id.as_ref()?))
}

/// A page of a folder behind a shortcut, or the file there. What the owner has closed meanwhile is nothing.
async fn behind(rest: &Rest, place: &mut Place, open: Open) -> Result<Vec<Listed>, Fault> {
    let closed = |fault: &Fault| matches!(fault, Fault::Status(reply) if matches!(reply.status, 403 | 404));
    if let Some(shortcut) = &open.file {
        let asked =
            ask(rest, format!("{}?{FIELDS}", open.address).replace("&$top=1000", "")).value::<Row>().await;
        return match asked {
            Ok(row) => {
                place.behind.push(shortcut.id.clone());
                let item = listed(row, shortcut.parent.clone(), shortcut.root.clone(), Some(open.address));
                Ok(vec![Item { id: shortcut.id.clone(), name: shortcut.name.clone(), ..item }.into()])
            }
            Err(fault) if closed(&fault) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        };
    }
    let (rows, next) = match rows(rest, &open.address, open.link.as_deref()).await {
        Err(fault) if closed(&fault) => (Vec::new(), None),
        other => other?,
    };
    let mut deeper = Vec::new();
    let mut items = Vec::new();
    for row in rows {
        let Some(address) = elsewhere(&row) else { continue };
        // A shortcut behind a shortcut is its owner's, may be closed to us and may lead back.
        if row.folder.is_some() && row.remote_item.is_none() {
            deeper.push(Open { parent: row.id.clone(), address: address.clone(), link: None, file: None });
        }
        if place.behind.len() <= MOST_BEHIND {
            place.behind.push(row.id.clone());
        }
        items.push(listed(row, Some(open.parent.clone()), None, Some(address)).into());
    }
    let queue = place.open.get_or_insert_default();
    queue.extend(deeper.into_iter().rev());
    if next.is_some() {
        queue.push(Open { link: next, ..open });
    }
    Ok(items)
}

/// A page of what stands directly in a folder. `address` is the folder's.
pub async fn children(
    rest: &Rest,
    address: &str,
    parent: Option<&Item>,
    cursor: Option<&str>,
) -> Result<Page, Fault> {
    let (rows, next) = rows(rest, address, cursor).await?;
    let is_elsewhere = parent.is_some_and(|it| it.note.is_some());
    let (id, root) = (parent.map(|it| it.id.clone()), parent.and_then(|it| it.root.clone()));
    let shown = rows.into_iter().map(|row| {
        let note = if is_elsewhere { elsewhere(&row) } else { None };
        listed(row, id.clone(), root.clone(), note).into()
    });
    Ok(Page { items: shown.collect(), next })
}

async fn rows(rest: &Rest, address: &str, link: Option<&str>) -> Result<(Vec<Row>, Option<String>), Fault> {
    let first = || format!("{address}/children?{}", FIELDS.replace(",root,deleted", ""));
    match ask(rest, link.map_or_else(first, str::to_owned)).value::<Rows<Row>>().await {
        Ok(page) => Ok((page.value, page.next)),
        // The personal vault while it is locked.
        Err(Fault::Status(reply))
            if reply.status == 400 && graph::says(&reply, "ObjectHandle is Invalid") =>
        {
            Ok((Vec::new(), None))
        }
        Err(fault) => Err(fault),
    }
}

/// `at` is where the item is: `/drives/…/items/…`.
pub async fn read(rest: &Rest, at: &str, item: &Item) -> Result<Content, Fault> {
    let download = || ask(rest, format!("{at}/content")).download(DOCUMENT);
    let mut asked = download().await;
    // The address that a download leads to is good for minutes only.
    if matches!(&asked, Err(Fault::Status(reply)) if matches!(reply.status, 401 | 403)) {
        asked = download().await;
    }
    match asked {
        Ok(reply) => Ok(Content::Document {
            media_type: reply.header("content-type").map(str::to_owned),
            name: item.name.clone(),
            bytes: reply.body,
        }),
        Err(Fault::Status(reply))
            if reply.header("x-virus-infected").is_some()
                || graph::codes(&reply).contains("malwareDetected") =>
        {
            Err(Fault::Unreadable("The provider found a virus in this file and does not hand it out.".into()))
        }
        Err(Fault::Status(reply)) if matches!(reply.status, 404 | 410) => Err(Fault::Gone),
        Err(fault) => Err(fault),
    }
}

/// Where an item of a drive is.
pub fn address(drive: &str, item: &str) -> String {
    format!("/drives/{}/items/{}", segment(drive), segment(item))
}

fn elsewhere(row: &Row) -> Option<String> {
    Some(address(row.parent_reference.as_ref()?.drive_id.as_ref()?, &row.id))
}

fn ask(rest: &Rest, address: String) -> Ask<'_> {
    rest.get(address).header("user-agent", AGENT)
}

fn listed(row: Row, parent: Option<String>, root: Option<String>, note: Option<String>) -> Item {
    let note = note.or_else(|| target(&row));
    let name = row.name.unwrap_or_default();
    let remote = row.remote_item;
    let is_package = row.package.is_some() || remote.as_ref().is_some_and(|it| it.package.is_some());
    let has_folder = row.folder.is_some() || remote.as_ref().is_some_and(|it| it.folder.is_some());
    let is_folder = has_folder && !is_package;
    let media_type = row.file.as_ref().and_then(|file| file.mime_type.as_deref()).unwrap_or_default();
    let format = ending(&name).filter(|_| !is_folder && !is_package);
    let has_text = has_text(media_type) && !format.as_deref().is_some_and(is_without_text);
    let hash = row.file.as_ref().and_then(|file| file.hashes.as_ref()).and_then(|it| {
        it.quick_xor_hash.clone().or_else(|| it.sha256_hash.clone()).or_else(|| it.sha1_hash.clone())
    });
    let tag = row.c_tag.or(row.e_tag).or_else(|| row.last_modified_date_time.clone());
    Item {
        parent,
        root,
        name,
        kind: if is_folder { Kind::Folder } else { Kind::File },
        format,
        size: row.size.filter(|_| !is_folder),
        modified: row.last_modified_date_time.as_deref().and_then(from_rfc3339),
        url: row.web_url,
        selectable: !is_folder && !is_package && has_text,
        expandable: is_folder,
        version: hash.or(tag).unwrap_or_default(),
        note,
        id: row.id,
    }
}

/// Pictures, sound and film have no text to take out, nor have a notebook's parts.
fn has_text(media_type: &str) -> bool {
    let without = ["image/", "audio/", "video/", "application/msonenote"];
    !without.iter().any(|kind| media_type.starts_with(kind))
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Ids of personal drives come in both cases, and some without their leading zero.
fn same_drive(one: &str, other: &str) -> bool {
    !one.is_empty() && same(one.trim_start_matches('0'), other.trim_start_matches('0'))
}
