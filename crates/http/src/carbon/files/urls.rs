//! Addresses of files' contents, which are opened without a key: each names one file, ends with its time and with the key
//! that asked for it, and is signed with a secret of this run.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hmac::{Hmac, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;
use tieline_engine::clock::Seconds;
use tieline_engine::{Content, FileState, Programs};

use super::super::Sorry;
use crate::Door;

/// Where the files' own contents are, and where their texts.
const RAW: &str = "raw";
const TEXT: &str = "text";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route("/contents/{number}/{what}", get(contents))
}

/// Which addresses a list is shown with.
pub(in super::super) struct Wanted<'d> {
    pub door: &'d Arc<Door>,
    /// The id of the key that asks.
    pub key: &'d str,
    pub raw: bool,
    pub text: bool,
    pub additional: bool,
    /// Until when they hold.
    pub until: Seconds,
}

/// Those of one file.
pub(super) struct Urls {
    pub raw: Option<String>,
    pub text: Option<String>,
    /// Nothing is made of a file but its text.
    pub additional: Option<Value>,
}

impl<'d> Wanted<'d> {
    pub fn none(door: &'d Arc<Door>) -> Self {
        Self { door, key: "", raw: false, text: false, additional: false, until: 0 }
    }

    /// The contents of a revoked source cannot be fetched any more.
    pub(super) fn of(&self, file: &Content, revoked: bool) -> Urls {
        let url = |what: &str| url(self.door, self.key, file.number, what, self.until);
        Urls {
            raw: if self.raw && !revoked && file.item.selectable && !file.forgotten {
                url(RAW)
            } else {
                None
            },
            text: if self.text && file.state == FileState::Kept { url(TEXT) } else { None },
            additional: self.additional.then(|| Map::new().into()),
        }
    }
}

/// The address of a file's own contents, fetched from where it lies when it is opened.
pub(super) fn raw(door: &Arc<Door>, key: &str, number: i64, until: Seconds) -> Option<String> {
    url(door, key, number, RAW, until)
}

/// The address of a file's kept text.
pub(super) fn text(door: &Arc<Door>, key: &str, number: i64, until: Seconds) -> Option<String> {
    url(door, key, number, TEXT, until)
}

fn url(door: &Arc<Door>, key: &str, number: i64, what: &str, until: Seconds) -> Option<String> {
    let signature = signature(key, number, what, until)?;
    let origin = door.origin();
    Some(format!("{origin}/contents/{number}/{what}?by={key}&until={until}&signature={signature}"))
}

/// In hexadecimal digits.
fn signature(key: &str, number: i64, what: &str, until: Seconds) -> Option<String> {
    let sign = signer(key, number, what, until)?.finalize().into_bytes();
    Some(sign.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// None where the system has no random numbers.
fn signer(by: &str, number: i64, what: &str, until: Seconds) -> Option<Hmac<Sha256>> {
    static KEY: LazyLock<Option<[u8; 32]>> = LazyLock::new(|| {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok().map(|()| key)
    });
    let mut signer = Hmac::<Sha256>::new_from_slice(KEY.as_ref()?).ok()?;
    signer.update(format!("{by}/{number}/{what}/{until}").as_bytes());
    Some(signer)
}

fn is_signed(key: &str, number: i64, what: &str, until: Seconds, signature: &str) -> bool {
    let bytes = |place: usize| u8::from_str_radix(signature.get(place..place + 2)?, 16).ok();
    let given: Option<Vec<u8>> = (0..signature.len()).step_by(2).map(bytes).collect();
    let signer = signer(key, number, what, until);
    given.zip(signer).is_some_and(|(given, signer)| signer.verify_slice(&given).is_ok())
}

async fn contents(
    State(door): State<Arc<Door>>,
    Path((number, what)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Sorry> {
    let number = super::file_number(&number)?;
    let until = query.get("until").and_then(|it| it.parse::<Seconds>().ok()).unwrap_or_default();
    let text = |name: &str| query.get(name).map_or("", String::as_str);
    let (by, signature) = (text("by"), text("signature"));
    let programs = door.app.programs();
    if !is_signed(by, number, &what, until, signature) {
        let words = "This address was not made here, or by an earlier run of Tieline. Ask for a new one.";
        return Err(Sorry::new(StatusCode::FORBIDDEN, words));
    }
    if until < programs.now() {
        return Err(Sorry::new(StatusCode::FORBIDDEN, "This address has run out. Ask for a new one."));
    }
    if programs.live_key(by)?.is_none() {
        let words =
            "The key that this address was made with has ended. Ask for a new one with a key that is good.";
        return Err(Sorry::new(StatusCode::FORBIDDEN, words));
    }
    let file = programs.content(number)?.filter(|file| !file.forgotten);
    let file = file.ok_or_else(|| Sorry::unknown("file", number))?;
    if what == TEXT {
        let text = kept_text(&programs, &file)?;
        return Ok(sent(text.into_bytes(), "text/plain; charset=utf-8", &format!("{}.txt", file.item.name)));
    }
    if programs.data_source_of(&file.connection)?.is_some_and(|source| source.revoked) {
        let words = format!("The account that {} came from is no longer connected.", file.item.name);
        return Err(Sorry::new(StatusCode::NOT_FOUND, words));
    }
    let (bytes, media_type) = programs.raw(number).await?;
    let media_type = media_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    Ok(sent(bytes, &media_type, &file.item.name))
}

fn kept_text(programs: &Programs, file: &Content) -> Result<String, Sorry> {
    programs.text(file.number)?.ok_or_else(|| {
        Sorry::new(
            StatusCode::NOT_FOUND,
            format!(
                "There is no text of {}: it was not read yet, or could not be. Look at its sync_status.",
                file.item.name
            ),
        )
    })
}

/// Contents from elsewhere, saved and never shown: no page of this address may run what stands in them.
fn sent(bytes: Vec<u8>, media_type: &str, name: &str) -> Response {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let disposition = format!("attachment; filename*=UTF-8''{}", name.replace('+', "%20"));
    let mut headers = HeaderMap::new();
    let mut put = |name: header::HeaderName, value: &str| {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, media_type);
    put(header::CONTENT_DISPOSITION, &disposition);
    put(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::CACHE_CONTROL, "no-store");
    put(header::REFERRER_POLICY, "no-referrer");
    (headers, bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_one_key_one_file_one_thing_and_one_time() {
        let sign = signature("k", 7, TEXT, 1000).expect("random numbers");
        assert!(is_signed("k", 7, TEXT, 1000, &sign));
        let others = [("l", 7, TEXT, 1000), ("k", 8, TEXT, 1000), ("k", 7, RAW, 1000), ("k", 7, TEXT, 1001)];
        for (key, number, what, until) in others {
            assert!(!is_signed(key, number, what, until, &sign));
        }
        for sign in ["", "0", "zz", &sign[2..], "é0"] {
            assert!(!is_signed("k", 7, TEXT, 1000, sign), "{sign}");
        }
    }

    #[test]
    fn what_is_sent_cannot_run_here() {
        let answer = sent(b"<script>".to_vec(), "text/html", "Ö \"x\".html");
        let header =
            |name: &str| answer.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
        assert_eq!(header("content-disposition"), "attachment; filename*=UTF-8''%C3%96%20%22x%22.html");
        assert!(header("content-security-policy").contains("sandbox"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        let odd = sent(Vec::new(), "text/plain\r\nx: y", "a");
        assert!(odd.headers().get("content-type").is_none_or(|it| it != "text/plain\r\nx: y"));
    }
}
