//! The files of the own drive (`/me/drive`), followed by delta queries, and what shortcuts in it lead to.

use async_trait::async_trait;

use super::drive_item::{self, Drive, Place};
use super::rest::segment;
use super::{Fault, Rest, Source, graph};
use crate::error::{Code, Error};
use crate::item::{Changes, Content, Item, Page};

pub struct OneDrive;

/// Not `/me/drives`, which leaves it out for some and lists drives that cannot be opened for others.
const OWN: &str = "/me/drive";

#[async_trait]
impl Source for OneDrive {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let address = parent.map_or_else(|| format!("{OWN}/root"), address);
        drive_item::children(rest, &address, parent, cursor).await.map_err(no_drive)
    }

    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let mut place: Place = cursor.map(graph::place).transpose()?.unwrap_or_default();
        if place.drives.is_empty() {
            place.drives.push(Drive::new(OWN.into(), None));
        }
        drive_item::changes(rest, place).await.map_err(no_drive)
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        drive_item::read(rest, &address(item), item).await
    }
}

fn address(item: &Item) -> String {
    item.note.clone().unwrap_or_else(|| format!("{OWN}/items/{}", segment(&item.id)))
}

/// Two refusals that sound like a bad request and mean that there is no drive.
fn no_drive(fault: Fault) -> Fault {
    let Fault::Status(reply) = &fault else { return fault };
    let (happened, hint) = if graph::says(reply, "mysite not found") {
        (
            "This account’s OneDrive has never been opened, so it does not exist yet.",
            "Open onedrive.com once with this account, wait a few minutes, and sync again.",
        )
    } else if graph::says(reply, "does not have a SPO license") {
        (
            "This organisation has no licence for OneDrive, or the account has none.",
            "Ask an administrator for a licence.",
        )
    } else {
        return fault;
    };
    Fault::Failed(Error::new(Code::Refused, happened, hint))
}
