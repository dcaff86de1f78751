//! Folders and files, for the providers that keep files.

use super::format::Format;
use super::maker::Maker;
use super::names;
use super::thing::{State, Thing};

/// Formats and how often each is met.
pub const USUAL_FILES: [(Format, u64); 17] = [
    (Format::Docx, 18),
    (Format::Pdf, 18),
    (Format::Xlsx, 12),
    (Format::Pptx, 9),
    (Format::Plain, 9),
    (Format::Markdown, 9),
    (Format::Csv, 6),
    (Format::Html, 5),
    (Format::Odt, 2),
    (Format::Ods, 2),
    (Format::Odp, 2),
    (Format::Rtf, 2),
    (Format::Json, 2),
    (Format::Eml, 2),
    (Format::Image, 2),
    (Format::Tsv, 1),
    (Format::Unknown, 1),
];

const BIG: usize = 12_000_000;
const DEPTH: usize = 6;

impl Maker {
    /// Fills up what is wanted with things of the kinds `folder` and `file`: folders up to six deep, one of
    /// them empty and one with many files, files of all formats, a broken one, an empty one and one of 12 MB, a
    /// few in the trash, odd names. A folder comes before what is in it.
    pub fn file_tree(&mut self, new_id: impl FnMut(&mut Maker) -> String) {
        self.file_tree_of(&USUAL_FILES, new_id);
    }

    /// The same with other formats, such as the provider's native ones among the usual.
    pub fn file_tree_of(&mut self, mix: &[(Format, u64)], new_id: impl FnMut(&mut Maker) -> String) {
        self.file_tree_in(None, usize::MAX, mix, new_id);
    }

    /// The same below a thing, such as a library, and at most so many.
    pub fn file_tree_in(
        &mut self,
        top: Option<&str>,
        most: usize,
        mix: &[(Format, u64)],
        mut new_id: impl FnMut(&mut Maker) -> String,
    ) {
        let wanted = self.missing().min(most);
        let folders = self.folders(top, (wanted / 10).max(wanted.min(3)), &mut new_id);
        let open: Vec<&str> =
            folders.iter().filter(|folder| folder.path != "Empty").map(|it| it.id.as_str()).collect();
        let crowded = folders.iter().find(|folder| folder.path == "Everything else");
        let whole: u64 = mix.iter().map(|(_, weight)| weight).sum();
        for at in 0..wanted.saturating_sub(folders.len()) {
            let parent = match self.number(10) {
                0 => top,
                1..=3 if crowded.is_some() => crowded.map(|folder| folder.id.as_str()),
                _ if open.is_empty() => top,
                _ => Some(*self.pick(&open)),
            };
            let mut left = self.number(whole);
            let drawn = mix.iter().find(|(_, weight)| match left.checked_sub(*weight) {
                Some(rest) => {
                    left = rest;
                    false
                }
                None => true,
            });
            // One of each first, then three that are rare, then what chance brings.
            let special = at.checked_sub(mix.len());
            let format = match special {
                None => mix[at].0,
                Some(0) => Format::Broken,
                Some(1 | 2) => Format::Plain,
                Some(_) => drawn.map_or(Format::Plain, |(format, _)| *format),
            };
            let id = self.fresh(&mut new_id);
            let name = self.file_name(format);
            let mut file = self.dated(id, "file", name, format, parent);
            match special {
                Some(1) => file.text = Some(String::new()),
                Some(2) => file = file.with(Thing::LENGTH, BIG.to_string()),
                Some(later) if later % 40 == 5 => file.state = State::Trashed,
                _ => {}
            }
            self.add(file);
        }
    }

    fn folders(
        &mut self,
        top: Option<&str>,
        count: usize,
        new_id: &mut impl FnMut(&mut Maker) -> String,
    ) -> Vec<Folder> {
        let mut folders: Vec<Folder> = Vec::with_capacity(count);
        for at in 0..count {
            let (path, parent) = match names::FOLDERS.get(at) {
                Some(path) => {
                    let above = path.rsplit_once('/').map(|(above, _)| above);
                    let parent = above.and_then(|above| folders.iter().position(|it| it.path == above));
                    ((*path).to_owned(), parent)
                }
                None => (format!("{} {}", self.pick(&names::SUBJECTS), at + 1), self.room(&folders)),
            };
            let depth = parent.map_or(1, |parent| folders[parent].depth + 1);
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            let id = self.fresh(&mut *new_id);
            let above = parent.map(|parent| folders[parent].id.clone());
            let thing = self.dated(id.clone(), "folder", name, Format::None, above.as_deref().or(top));
            self.add(thing);
            folders.push(Folder { id, path, depth });
        }
        folders
    }

    /// A folder that may hold another one; now and then the top.
    fn room(&mut self, folders: &[Folder]) -> Option<usize> {
        let at = self.number(folders.len() as u64 + 4) as usize;
        folders.get(at).filter(|folder| folder.depth < DEPTH && folder.path != "Empty").map(|_| at)
    }

    fn dated(
        &mut self,
        id: String,
        kind: &'static str,
        name: String,
        format: Format,
        parent: Option<&str>,
    ) -> Thing {
        let created = self.when();
        let modified = self.since(created);
        Thing { modified, ..Thing::new(id, kind, name, format, created).below(parent) }
    }
}

struct Folder {
    id: String,
    path: String,
    depth: usize,
}
