//! `tieline connect` in a terminal, with the person in the browser.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

use tieline_practice::visitor::Visit;
use url::Url;

/// Runs the command until it ends or dies. The talk on stderr is in the output without its first lines.
pub async fn connect(mut command: Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut talk = BufReader::new(child.stderr.take().expect("its talk"));
    let (link, mut talk) = tokio::task::spawn_blocking(move || {
        let mut lines = talk.by_ref().lines().map_while(Result::ok);
        let link = lines.find_map(|line| line.parse::<Url>().ok().filter(|url| url.scheme() == "http"));
        (link, talk)
    })
    .await
    .expect("it talks");
    if let Some(link) = link {
        let back = Visit::default().answer(&link).await.expect("the page sends the browser back");
        // The program may die before it has answered the browser.
        let _answered_or_dead = tieline_practice::client::send("GET", &back, &[], b"").await;
    }
    let done = tokio::task::spawn_blocking(move || {
        let mut stderr = Vec::new();
        talk.read_to_end(&mut stderr).expect("the rest of its talk");
        let done = child.wait_with_output().expect("it ends");
        Output { stderr, ..done }
    });
    done.await.expect("it ends")
}
