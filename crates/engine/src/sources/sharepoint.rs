//! TBD

use async_trait::async_trait;

use super::{Fault, Rest, Source};
use crate::item::{Changes, Content, Item, Page};

pub struct SharePoint;

#[async_trait]
impl Source for SharePoint {
    async fn children(
        &self,
        _rest: &Rest,
        _parent: Option<&Item>,
        _cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        Err(Fault::Expired)
    }

    async fn changes(&self, _rest: &Rest, _cursor: Option<&str>) -> Result<Changes, Fault> {
        Err(Fault::Expired)
    }

    async fn read(&self, _rest: &Rest, _item: &Item) -> Result<Content, Fault> {
        Err(Fault::Expired)
    }
}
