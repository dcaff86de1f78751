//! What an organization keeps here: records of several kinds, each under its id.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tieline_engine::program::Record;
use tieline_engine::{Error, Result};

use super::Books;

/// A kind of record.
pub(crate) trait Kind: Serialize + DeserializeOwned {
    const KIND: &'static str;
    /// As an error names it.
    const NAME: &'static str;
}

#[derive(Debug, Clone)]
pub(crate) struct One<T> {
    pub id: String,
    pub made_at: i64,
    pub kept: T,
}

fn read<T: Kind>(record: Record) -> Result<One<T>> {
    let kept = serde_json::from_value(record.body).map_err(Error::internal)?;
    Ok(One { id: record.id, made_at: record.made_at, kept })
}

impl Books {
    /// Oldest first.
    pub(super) fn all<T: Kind>(&self) -> Result<Vec<One<T>>> {
        self.programs.records(self.organization, T::KIND)?.into_iter().map(read).collect()
    }

    pub(super) fn find<T: Kind>(&self, id: &str) -> Result<Option<One<T>>> {
        self.programs.record(self.organization, T::KIND, id)?.map(read).transpose()
    }

    /// # Errors
    /// `NotFound` where this organization has none of that id.
    pub(super) fn one<T: Kind>(&self, id: &str) -> Result<One<T>> {
        self.find(id)?.ok_or_else(|| Error::not_found(T::NAME, id))
    }

    pub(super) fn save<T: Kind>(&self, id: &str, kept: &T) -> Result<One<T>> {
        let body = serde_json::to_value(kept).map_err(Error::internal)?;
        read(self.programs.save_record(self.organization, T::KIND, id, &body)?)
    }

    /// Saves what still is as it was `before`. False: another was faster.
    pub(super) fn swap<T: Kind>(&self, id: &str, before: &T, kept: &T) -> Result<bool> {
        let body = |kept: &T| serde_json::to_value(kept).map_err(Error::internal);
        self.programs.swap_record(self.organization, T::KIND, id, Some(&body(before)?), &body(kept)?)
    }

    /// False: there was none.
    pub(super) fn forget<T: Kind>(&self, id: &str) -> Result<bool> {
        self.programs.forget_record(self.organization, T::KIND, id)
    }
}
