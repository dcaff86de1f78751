//! What each provider's contents are read by: one file each, alike in shape and order.
//!
//! A source never sees a token. It asks through [`Rest`], which knows the connection, waits when the provider asks
//! for a pause, and renews a token that was refused.

mod box_;
mod confluence;
mod drive_item;
mod dropbox;
mod gmail;
mod gong;
mod google_cloud_storage;
mod google_drive;
mod graph;
mod intercom;
mod notion;
mod onedrive;
mod outlook;
pub mod rest;
mod salesforce;
mod servicenow;
mod sharepoint;
mod slack;
mod zendesk;
mod zotero;

use async_trait::async_trait;

use crate::error::{Code, Error};
use crate::item::{Changes, Content, Item, Page};

pub use rest::{Reply, Rest};

/// One provider's contents.
#[async_trait]
pub trait Source: Send + Sync {
    /// What stands directly below `parent`, or at the top; page by page.
    async fn children(&self, rest: &Rest, parent: Option<&Item>, cursor: Option<&str>)
    -> Result<Page, Fault>;

    /// What changed since `cursor`; from none, everything there is. Begun from none and ended with
    /// [`Next::Done`](crate::item::Next::Done) it is a complete listing, and only then is what it did not bring
    /// taken to be gone. Fails with [`Fault::Expired`] where the provider no longer knows the position.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault>;

    /// An item's contents.
    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault>;
}

/// Why a source could not.
#[derive(Debug)]
pub enum Fault {
    /// The provider answered with a status that is no success, and it is neither about the token nor a pause.
    Status(Reply),
    /// The position is no longer known there.
    Expired,
    /// The item is no longer there.
    Gone,
    /// The item cannot be read. A sentence for the person.
    Unreadable(String),
    Failed(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Fault {
    /// A refused list in words of its own: what could not be listed, and what it takes.
    fn refused_as(self, message: &str, hint: &str) -> Self {
        match self {
            Self::Status(reply) if reply.status == 403 => {
                Self::Failed(Error::new(Code::Refused, message, hint))
            }
            other => other,
        }
    }

    /// In words, for one item or a whole listing at `provider`.
    pub fn error(self, provider: &str) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Unreadable(words) => Error::new(Code::Refused, words, "Open it at its source."),
            Self::Gone => Error::new(
                Code::NotFound,
                format!("It is no longer at {provider}, or no longer shared with this account."),
                "",
            ),
            Self::Expired => Error::new(
                Code::Temporary,
                format!("{provider} no longer knows where the last sync ended."),
                "The next sync looks at everything again.",
            ),
            Self::Status(reply) => match reply.status {
                403 => Error::new(
                    Code::Refused,
                    format!("{provider} does not let this account read it."),
                    "Ask the owner to share it, or reconnect with more permissions.",
                ),
                404 | 410 => Self::Gone.error(provider),
                status @ 500.. => Error::new(
                    Code::Temporary,
                    format!("{provider} is not well at the moment (status {status})."),
                    "Tieline tries again at the next sync.",
                ),
                status => Error::new(
                    Code::Refused,
                    format!("{provider} refused the request (status {status})."),
                    "Try again. If it stays, report it with the log.",
                ),
            },
        }
    }
}

/// The sources by provider.
pub fn of(provider: &str) -> Option<&'static dyn Source> {
    Some(match provider {
        "BOX" => &box_::BoxFiles,
        "CONFLUENCE" => &confluence::Confluence,
        "DROPBOX" => &dropbox::Dropbox,
        "GMAIL" => &gmail::Gmail,
        "GONG" => &gong::Gong,
        "GOOGLE_CLOUD_STORAGE" => &google_cloud_storage::GoogleCloudStorage,
        "GOOGLE_DRIVE" => &google_drive::GoogleDrive,
        "INTERCOM" => &intercom::Intercom,
        "NOTION" => &notion::Notion,
        "ONEDRIVE" => &onedrive::OneDrive,
        "OUTLOOK" => &outlook::Outlook,
        "SALESFORCE" => &salesforce::Salesforce,
        "SERVICENOW" => &servicenow::ServiceNow,
        "SHAREPOINT" => &sharepoint::SharePoint,
        "SLACK" => &slack::Slack,
        "ZENDESK" => &zendesk::Zendesk,
        "ZOTERO" => &zotero::Zotero,
        _ => return None,
    })
}
