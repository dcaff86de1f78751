//! Loopback listeners, shared: several sign-ins may wait at one registered port.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::callback::Loopback;
use crate::error::{Code, Result};
use crate::world::World;

#[derive(Default)]
pub(crate) struct Listeners {
    by_port: Mutex<HashMap<u16, Weak<Listener>>>,
}

/// An open port. Closes when the last sign-in that waits for it lets go.
pub(crate) struct Listener {
    port: u16,
    task: JoinHandle<()>,
}

impl Listener {
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A registered port may still be closing behind the sign-in before; it is tried for a moment.
async fn bind(port: Option<u16>) -> Result<Loopback> {
    let mut tries = if port.is_some() { 10 } else { 1 };
    loop {
        tries -= 1;
        match Loopback::open(port, "/integrations/").await {
            Err(error) if error.code == Code::Conflict && tries > 0 => {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
            other => return other,
        }
    }
}

/// Opens the port, any free one for `None`, or joins the listener that is already there.
pub(crate) async fn open(world: &Arc<World>, port: Option<u16>) -> Result<Arc<Listener>> {
    let shared = |port: u16| {
        let by_port = world.flows.listeners.by_port.lock().unwrap_or_else(PoisonError::into_inner);
        by_port.get(&port).and_then(Weak::upgrade)
    };
    if let Some(listener) = port.and_then(shared) {
        return Ok(listener);
    }
    let mut loopback = bind(port).await?;
    let port = loopback.port();
    let world_of_task = Arc::downgrade(world);
    let task = tokio::spawn(async move {
        loop {
            let world = world_of_task.clone();
            let accept = move |callback: &crate::callback::Callback| {
                world.upgrade().and_then(|world| world.flows.claims(callback))
            };
            let callback = loopback.answer(accept).await;
            let Some(world) = world_of_task.upgrade() else { break };
            let path = callback.path.clone();
            world.flows.deliver(callback, &path);
        }
    });
    let listener = Arc::new(Listener { port, task });
    let mut by_port = world.flows.listeners.by_port.lock().unwrap_or_else(PoisonError::into_inner);
    by_port.retain(|_, listener| listener.strong_count() > 0);
    by_port.insert(port, Arc::downgrade(&listener));
    Ok(listener)
}
