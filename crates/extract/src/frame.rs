//! What goes over a worker's pipes.
//!
//! To it: the mark once, then for each document its format (one byte), its length (four, little-endian) and its bytes.
//! From it, for each document: the mark, the outcome (one byte), the length and the text. The mark is random and known to
//! nobody else, so whatever a library prints between the answers is passed over.

use std::io::{self, Read, Write};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Format, MAX_INPUT, MAX_TEXT, Reason, Text};

pub(crate) const MARK: usize = 16;

pub(crate) type Mark = [u8; MARK];

pub(crate) type Outcome = Result<Text, Reason>;

const WHOLE: u8 = 0;
const TRUNCATED: u8 = 1;
/// What can go wrong in a worker, each with its byte.
const REASONS: [(u8, Reason); 4] =
    [(2, Reason::Protected), (3, Reason::Broken), (4, Reason::TooLarge), (5, Reason::Crashed)];

/// The worker's side: the next document, None when there will be no more.
pub(crate) fn read_request(pipe: &mut impl Read) -> io::Result<Option<(Format, Vec<u8>)>> {
    let mut head = [0; 5];
    match pipe.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let [format, length @ ..] = head;
    let format = Format::ALL.get(usize::from(format)).copied().ok_or_else(garbage)?;
    let mut bytes = vec![0; length_of(length, MAX_INPUT)?];
    pipe.read_exact(&mut bytes)?;
    Ok(Some((format, bytes)))
}

/// The worker's side: the answer, in one write.
pub(crate) fn write_answer(pipe: &mut impl Write, mark: &Mark, outcome: &Outcome) -> io::Result<()> {
    let (code, text) = match outcome {
        Ok(text) if text.truncated => (TRUNCATED, text.text.as_str()),
        Ok(text) => (WHOLE, text.text.as_str()),
        Err(reason) => {
            let code = REASONS.iter().find(|(_, it)| it == reason).ok_or_else(garbage)?;
            (code.0, "")
        }
    };
    let mut answer = Vec::with_capacity(MARK + 5 + text.len());
    answer.extend_from_slice(mark);
    answer.push(code);
    answer.extend_from_slice(&u32::try_from(text.len()).map_err(|_| garbage())?.to_le_bytes());
    answer.extend_from_slice(text.as_bytes());
    pipe.write_all(&answer)?;
    pipe.flush()
}

/// The program's side.
pub(crate) async fn write_request(
    pipe: &mut (impl AsyncWriteExt + Unpin),
    format: Format,
    bytes: &[u8],
) -> io::Result<()> {
    let code = Format::ALL.iter().position(|it| *it == format).ok_or_else(garbage)?;
    let length = u32::try_from(bytes.len()).map_err(|_| garbage())?.to_le_bytes();
    pipe.write_u8(u8::try_from(code).map_err(|_| garbage())?).await?;
    pipe.write_all(&length).await?;
    pipe.write_all(bytes).await?;
    pipe.flush().await
}

/// The program's side. Fails when the worker ends, or says what no worker says.
pub(crate) async fn read_answer(pipe: &mut (impl AsyncReadExt + Unpin), mark: &Mark) -> io::Result<Outcome> {
    let mut seen: Mark = [0; MARK];
    pipe.read_exact(&mut seen).await?;
    while seen != *mark {
        seen.rotate_left(1);
        seen[MARK - 1] = pipe.read_u8().await?;
    }
    let code = pipe.read_u8().await?;
    let mut length = [0; 4];
    pipe.read_exact(&mut length).await?;
    let mut text = vec![0; length_of(length, MAX_TEXT)?];
    pipe.read_exact(&mut text).await?;
    let text = String::from_utf8(text).map_err(|_| garbage())?;
    if code <= TRUNCATED {
        return Ok(Ok(Text { text, truncated: code == TRUNCATED }));
    }
    let (_, reason) = REASONS.iter().find(|(it, _)| *it == code).ok_or_else(garbage)?;
    Ok(Err(*reason))
}

fn length_of(bytes: [u8; 4], most: usize) -> io::Result<usize> {
    usize::try_from(u32::from_le_bytes(bytes)).ok().filter(|it| *it <= most).ok_or_else(garbage)
}

fn garbage() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_found_behind_noise() {
        let mark = *b"0123456789abcdef";
        let text = Text { text: "Größe".into(), truncated: true };
        let mut pipe = b"printed 0123456789abcde 00123456789abcde".to_vec();
        for outcome in [Ok(text.clone()), Err(Reason::Protected)] {
            write_answer(&mut pipe, &mark, &outcome).unwrap();
            pipe.extend_from_slice(b"\nmore\n");
        }
        let mut pipe = pipe.as_slice();
        assert_eq!(read_answer(&mut pipe, &mark).await.unwrap(), Ok(text));
        assert_eq!(read_answer(&mut pipe, &mark).await.unwrap(), Err(Reason::Protected));
        assert!(read_answer(&mut pipe, &mark).await.is_err());
    }

    #[tokio::test]
    async fn a_request_arrives_as_it_was_sent() {
        let mut pipe = Vec::new();
        write_request(&mut pipe, Format::Eml, b"\x00\xff").await.unwrap();
        let mut pipe = pipe.as_slice();
        assert_eq!(read_request(&mut pipe).unwrap(), Some((Format::Eml, b"\x00\xff".to_vec())));
        assert_eq!(read_request(&mut pipe).unwrap(), None);
        assert!(read_request(&mut &b"\xff\x00\x00\x00\x00"[..]).is_err());
        assert!(read_request(&mut &b"\x00\xff\xff\xff\xff"[..]).is_err());
    }
}
