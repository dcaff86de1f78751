//! The way back, proved by using it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use url::Url;

use crate::callback::{Loopback, Page};
use crate::flows::waiting;
use crate::world::World;

/// How long a deep link may take to come round, and a browser to open a page.
const DEEP_LINK: Duration = Duration::from_secs(5);
const BROWSER: Duration = Duration::from_secs(15);

/// Sends an address of our own through the system and waits for it.
pub(crate) async fn deep_link(world: &World) -> (bool, String) {
    let Some(scheme) = &world.scheme else {
        return (false, "This computer does not hand addresses of this kind to this Tieline.".into());
    };
    let Ok(probe) = waiting::new_id() else { return (false, "The system gives no random numbers.".into()) };
    let (arrived, waiting) = oneshot::channel();
    world.probes.lock().unwrap_or_else(PoisonError::into_inner).insert(probe.clone(), arrived);
    let sent = world.browser.hand_over(&format!("{scheme}://probe/{probe}"));
    let result = match sent {
        Ok(()) => match timeout(DEEP_LINK, waiting).await {
            Ok(Ok(())) => (true, "An address sent through the system came back.".to_owned()),
            _ => (
                false,
                format!(
                    "An address sent through the system did not come back in {} seconds. Other ways are used.",
                    DEEP_LINK.as_secs()
                ),
            ),
        },
        Err(error) => (false, format!("{} {}", error.message, error.hint)),
    };
    world.probes.lock().unwrap_or_else(PoisonError::into_inner).remove(&probe);
    world.deep_link_failed.store(!result.0, Ordering::Relaxed);
    result
}

/// Opens a port of this computer and calls it.
pub(crate) async fn loopback() -> (bool, String) {
    let (Ok(mut listener), Ok(probe)) = (Loopback::open(None, "/check").await, waiting::new_id()) else {
        return (false, "No port of this computer could be opened. A security program may forbid it.".into());
    };
    let port = listener.port();
    let call = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!(
            "GET /check?probe={probe} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        Ok::<TcpStream, std::io::Error>(stream)
    };
    let answer =
        listener.answer(|callback| (callback.get("probe") == Some(probe.as_str())).then(Page::received));
    match timeout(DEEP_LINK, async { tokio::join!(call, answer) }).await {
        Ok((Ok(_), _)) => (true, "A port was opened and reached.".into()),
        _ => (
            false,
            "A port was opened but could not be reached. A security program may be in between.".into(),
        ),
    }
}

/// Opens a page of this computer in the person's browser and waits for it to be fetched.
pub(crate) async fn browser(world: &World) -> (bool, String) {
    let (Ok(mut listener), Ok(probe)) = (Loopback::open(None, "/check").await, waiting::new_id()) else {
        return (false, "No port of this computer could be opened, so there is no page to try with.".into());
    };
    let Ok(page) = Url::parse(&format!("http://127.0.0.1:{}/check?probe={probe}", listener.port())) else {
        return (false, "There is no page to try with.".into());
    };
    if let Err(error) = world.browser.open(&page, &[], true) {
        return (false, format!("{} {}", error.message, error.hint));
    }
    let answer =
        listener.answer(|callback| (callback.get("probe") == Some(probe.as_str())).then(Page::received));
    match timeout(BROWSER, answer).await {
        Ok(_) => (true, "It opened a page of this computer.".into()),
        Err(_) => (
            false,
            format!(
                "It did not open a page in {} seconds. Copy the sign-in link instead.",
                BROWSER.as_secs()
            ),
        ),
    }
}
