use super::*;

fn facts(more: &str) -> SourceFacts {
    let text = format!("api = \"https://api.example\"\nitems = \"things\"\n{more}");
    toml::from_str(&text).expect("facts")
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Reply { status, headers, body: body.as_bytes().to_vec() }
}

fn rest(facts: SourceFacts) -> Rest {
    let network = crate::client::Network { proxy: String::new(), extra_ca: String::new() };
    Rest {
        client: Client::new(&network, crate::client::Routes::Practice(Vec::new())).expect("a client"),
        clock: Clock::system(),
        tokens: Arc::new(|_| Box::pin(async { Ok((Secret::new("token"), 1)) })),
        pace: Arc::new(Pace::new(Some(&facts), true)),
        base: "https://api.example".into(),
        hosts: ["api.example".to_owned()].into(),
        fields: Arc::default(),
        besides: Arc::default(),
        found: Arc::default(),
        facts: Arc::new(facts),
    }
}

#[test]
fn a_documented_number_of_requests_a_minute_is_kept_after_a_burst_of_ten() {
    let pace = Pace::new(Some(&facts("per_minute = 60")), true);
    let now = Instant::now() + Duration::from_secs(60);
    let places: Vec<Duration> = (0..71).map(|_| pace.place(now).saturating_duration_since(now)).collect();
    assert_eq!(places[9], Duration::ZERO, "ten at once");
    assert!(places[70] - places[10] >= Duration::from_secs(60), "then sixty in a minute and some");
    assert!(places[70] - places[10] < Duration::from_secs(70));

    let practised = Pace::new(Some(&facts("per_minute = 60")), false);
    assert_eq!(practised.place(now), now);
}

#[test]
fn a_pause_is_what_the_provider_asks_for_in_whatever_words() {
    let rest = rest(facts("reset = [\"reset\"]\nremaining = [\"left\"]\nbackoff = [\"backoff\"]"));
    let now = rest.clock.now();
    assert_eq!(rest.asked_pause(&reply(429, &[], ""), Some(7), 1), 7);
    assert_eq!(rest.asked_pause(&reply(429, &[("reset", "9")], ""), None, 1), 9);
    let at = (now + 11).to_string();
    assert!((10..=12).contains(&rest.asked_pause(&reply(429, &[("reset", &at)], ""), None, 1)));
    assert_eq!([1, 2, 3].map(|tries| rest.asked_pause(&reply(429, &[], ""), None, tries)), [2, 4, 8]);

    rest.heed(&reply(200, &[("left", "3"), ("reset", "40")], ""));
    assert_eq!(rest.pace.paused_until(now), None, "there is something left");
    rest.heed(&reply(200, &[("left", "0"), ("reset", "40")], ""));
    assert!(rest.pace.paused_until(now).is_some_and(|until| (39..=42).contains(&(until - now))));
    rest.heed(&reply(200, &[("backoff", "60")], ""));
    assert!(rest.pace.paused_until(now).is_some_and(|until| (59..=62).contains(&(until - now))));
}

#[test]
fn an_answer_is_known_by_its_status_and_words() {
    let rest = rest(facts(
        "[[limited]]\nstatus = 403\ncontains = \"rateLimitExceeded\"\n[[blocked]]\nstatus = 429\ncontains = \"for good\"",
    ));
    assert!(rest.is_limit(&reply(429, &[], "")));
    assert!(rest.is_limit(&reply(403, &[], "{\"reason\":\"rateLimitExceeded\"}")));
    assert!(!rest.is_limit(&reply(403, &[], "forbidden")));
    assert!(!rest.is_limit(&reply(429, &[], "blocked for good")));
}

#[test]
fn what_is_about_a_permission_does_not_renew_the_token() {
    let rest = rest(facts("[[forbidden]]\nstatus = 401\ncontains = \"missing_scope\""));
    assert!(rest.is_refusal(&reply(401, &[], "{\"error\":\"expired\"}")));
    assert!(!rest.is_refusal(&reply(401, &[], "{\"error\":\"missing_scope\"}")));
}

#[test]
fn the_next_page_is_read_from_links_as_they_are_written() {
    let of = |links: &[&str]| {
        let headers: Vec<(&str, &str)> = links.iter().map(|link| ("link", *link)).collect();
        reply(200, &headers, "").next_link()
    };
    let next = Some("https://x.example/a?b=1,2&c=3".to_owned());
    assert_eq!(of(&["<https://x.example/a?b=1,2&c=3>; rel=\"next\""]), next);
    assert_eq!(
        of(&["<https://x.example/>;rel=\"first\",<https://x.example/a?b=1,2&c=3>;rel=\"next\""]),
        next
    );
    assert_eq!(
        of(&["<https://x.example/>; rel=\"prev\"", "<https://x.example/a?b=1,2&c=3>; rel=next"]),
        next
    );
    assert_eq!(of(&["<https://x.example/>; rel=\"last\""]), None);
}

#[test]
fn a_segment_holds_anything() {
    assert_eq!(segment("a/b c+d?e#f%g"), "a%2Fb%20c%2Bd%3Fe%23f%25g");
    assert_eq!(segment("ä"), "%C3%A4");
}
