//! Services that an admin described, as they were described. Client id and secret are an app like any other.

use rusqlite::params;

use super::{Store, from_json, json};
use crate::error::Result;
use crate::service::Service;

pub(super) const TABLE: &str = "
    CREATE TABLE service (
        id          TEXT PRIMARY KEY,
        description TEXT NOT NULL
    ) STRICT;";

#[derive(Debug, Clone)]
pub struct ServiceRow {
    pub id: String,
    pub service: Service,
}

impl Store {
    pub fn services(&self) -> Result<Vec<ServiceRow>> {
        self.with(|db| {
            db.prepare_cached("SELECT id, description FROM service ORDER BY id")?
                .query_map([], |row| {
                    Ok(ServiceRow { id: row.get(0)?, service: from_json(1, &row.get::<_, String>(1)?)? })
                })?
                .collect()
        })
    }

    pub fn save_service(&self, row: &ServiceRow) -> Result<()> {
        self.with(|db| {
            db.execute(
                "INSERT OR REPLACE INTO service (id, description) VALUES (?1, ?2)",
                params![row.id, json(&row.service)?],
            )?;
            Ok(())
        })
    }

    pub fn forget_service(&self, id: &str) -> Result<()> {
        self.with(|db| db.execute("DELETE FROM service WHERE id = ?1", [id]).map(drop))
    }
}
