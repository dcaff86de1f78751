//! The head of an HTTP request, held against the one request we wait for.

use super::{Callback, LONGEST};

/// The return in `head`, if that is `GET <path>` with a `Host` of this machine at `port`.
pub(super) fn read(head: &[u8], port: u16, path: &str) -> Option<Callback> {
    let end = head.windows(4).position(|four| four == b"\r\n\r\n")?;
    if end > LONGEST {
        return None;
    }
    let mut lines = std::str::from_utf8(&head[..end]).ok()?.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method != "GET" || !matches!(version, "HTTP/1.1" | "HTTP/1.0") || words.next().is_some() {
        return None;
    }
    let mut hosts = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("host") {
            hosts.push(value.trim());
        }
    }
    let [host] = hosts[..] else { return None };
    // A foreign name that resolves to this machine (DNS rebinding) is not us.
    let ours =
        |name: &str| host.eq_ignore_ascii_case(&format!("{name}:{port}")) || port == 80 && host == name;
    if !["127.0.0.1", "localhost", "[::1]"].into_iter().any(ours) {
        return None;
    }
    let (found, query) = target.split_once('?').unwrap_or((target, ""));
    (found == path || path.ends_with('/') && found.starts_with(path)).then(|| Callback::new(found, query))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(line: &str, headers: &str) -> Option<Callback> {
        read(format!("{line}\r\n{headers}\r\n\r\n").as_bytes(), 4000, "/integrations/box")
    }

    #[test]
    fn the_right_request_is_read() {
        for host in ["127.0.0.1:4000", "localhost:4000", "LOCALHOST:4000", "[::1]:4000"] {
            let headers = format!("Accept: */*\r\nhOsT: {host}");
            let callback = get("GET /integrations/box?code=a%2Bb+c&state=s HTTP/1.1", &headers).unwrap();
            assert_eq!(callback.path, "/integrations/box");
            assert_eq!(callback.get("code"), Some("a+b c"));
        }
    }

    #[test]
    fn anything_else_is_not() {
        let host = "Host: 127.0.0.1:4000";
        let right = "GET /integrations/box?code=1 HTTP/1.1";
        assert!(get(right, host).is_some());
        for line in [
            "POST /integrations/box?code=1 HTTP/1.1",
            "HEAD /integrations/box?code=1 HTTP/1.1",
            "GET /integrations/box/?code=1 HTTP/1.1",
            "GET /integrations/Box?code=1 HTTP/1.1",
            "GET /integrations/boxer HTTP/1.1",
            "GET /favicon.ico HTTP/1.1",
            "GET http://127.0.0.1:4000/integrations/box HTTP/1.1",
            "GET /integrations/box HTTP/2",
            "GET /integrations/box HTTP/1.1 more",
            "GET /integrations/box",
            "",
        ] {
            assert!(get(line, host).is_none(), "{line}");
        }
        for headers in [
            "",
            "Host: evil.example",
            "Host: evil.example:4000",
            "Host: 127.0.0.1:4001",
            "Host: 127.0.0.1",
            "Host: 127.0.0.1:4000\r\nHost: evil.example",
            "Host: localhost.evil.example:4000",
            "no colon here\r\nHost: 127.0.0.1:4000",
        ] {
            assert!(get(right, headers).is_none(), "{headers}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut head = bytes.clone();
            head.extend_from_slice(b"\r\n\r\n");
            read(&bytes, 4000, "/x");
            read(&head, 4000, "/x");
        }

        #[test]
        fn values_come_back_as_they_were_sent(value in "\\PC{0,80}") {
            let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("code", &value).finish();
            let head = format!("GET /x?{query} HTTP/1.1\r\nHost: localhost:4000\r\n\r\n");
            let callback = read(head.as_bytes(), 4000, "/x").unwrap();
            prop_assert_eq!(callback.get("code"), Some(value.as_str()));
        }
    }
}
