//! The zip files that office formats are, with a limit on what comes out of them.

use std::io::{self, BufReader, Cursor, ErrorKind, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::Reason;

/// One part, unpacked.
const MAX_PART: u64 = 256 * 1024 * 1024;
/// All parts together, unpacked.
const MAX_TOTAL: u64 = 512 * 1024 * 1024;

pub(crate) struct Package<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// What may still be unpacked.
    left: u64,
}

impl<'a> Package<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Reason> {
        if is_encrypted_package(bytes) {
            return Err(Reason::Protected);
        }
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Reason::Broken)?;
        Ok(Self { zip, left: MAX_TOTAL })
    }

    /// The parts in a folder, in the order of their numbers: slide2 before slide10.
    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .zip
            .file_names()
            .flatten()
            .filter(|name| name.starts_with(prefix) && name.ends_with(".xml"))
            .map(|name| name.into_owned())
            .collect();
        names.sort_by_key(|name| (name.len(), name.clone()));
        names
    }

    /// A part as a stream, None if there is none of that name. It ends in an error that [`reason_of`] knows when it is
    /// larger than what may come out.
    pub(crate) fn part(&mut self, name: &str) -> Result<Option<impl io::BufRead + use<'_, 'a>>, Reason> {
        let part = match self.zip.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(reason_of_zip(&error)),
        };
        if part.size() > MAX_PART {
            return Err(Reason::TooLarge);
        }
        Ok(Some(BufReader::new(Limited { part, left: MAX_PART, total: &mut self.left })))
    }

    /// Unpacks everything once and keeps nothing, for a reader that unpacks on its own and knows no limit.
    pub(crate) fn check_size(mut self) -> Result<(), Reason> {
        let names: Vec<String> = self.zip.file_names().flatten().map(|name| name.into_owned()).collect();
        for name in names {
            if let Some(mut part) = self.part(&name)? {
                io::copy(&mut part, &mut io::sink()).map_err(|error| reason_of(&error))?;
            }
        }
        Ok(())
    }
}

/// Why a part could not be read on.
pub(crate) fn reason_of(error: &io::Error) -> Reason {
    if error.kind() == ErrorKind::FileTooLarge { Reason::TooLarge } else { Reason::Broken }
}

/// The same for the XML in a part.
pub(crate) fn reason_of_xml(error: &quick_xml::Error) -> Reason {
    match error {
        quick_xml::Error::Io(error) => reason_of(error),
        _ => Reason::Broken,
    }
}

/// An office file with a password is no zip but an OLE container, and says inside what it holds.
pub(crate) fn is_encrypted_package(bytes: &[u8]) -> bool {
    const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.starts_with(OLE) && bytes.windows(name.len()).any(|at| at == name)
}

fn reason_of_zip(error: &ZipError) -> Reason {
    match error {
        ZipError::InvalidPassword => Reason::Protected,
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => Reason::Protected,
        _ => Reason::Broken,
    }
}

struct Limited<'a, R> {
    part: R,
    left: u64,
    total: &'a mut u64,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.part.read(buffer)?;
        let size = read as u64;
        if size > self.left || size > *self.total {
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.left -= size;
        *self.total -= size;
        Ok(read)
    }
}
