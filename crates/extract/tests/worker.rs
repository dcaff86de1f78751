//! Workers: what they read, and what becomes of one that ends, hangs or talks nonsense.

mod made;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use made::{WORDS, encrypted_pdf, file, files, pdf_page};
use tieline_extract::{Extractor, Format, MAX_INPUT, Reason};

/// An example of this crate, which stands beside the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.ancestors().nth(2).expect("the build's folder");
    folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn extractor(workers: usize) -> Extractor {
    Extractor::new(example("worker"), workers)
}

async fn reads(extractor: &Extractor) {
    let read =
        extractor.text(file(Format::Docx).expect("a file"), Format::Docx).await.expect("it can be read");
    assert!(read.text.contains(WORDS[0]));
}

/// Takes a worker seconds.
fn long_page() -> Vec<u8> {
    "<p>&lt;</p>".repeat(8 * 1024 * 1024).into_bytes()
}

#[tokio::test]
async fn a_worker_reads_every_format() {
    let extractor = extractor(2);
    for (name, (format, bytes)) in files() {
        let here = tieline_extract::text(&bytes, format);
        assert_eq!(extractor.text(bytes, format).await, here, "{name}");
    }
    let refused = extractor.text(encrypted_pdf("secret"), Format::Pdf).await;
    assert_eq!(refused.expect_err("it is protected").reason, Reason::Protected);
}

#[tokio::test]
async fn what_is_printed_does_not_disturb() {
    let extractor = Extractor::new(example("noisy_worker"), 1);
    for _ in 0..20 {
        reads(&extractor).await;
    }
}

#[tokio::test]
async fn documents_wait_for_their_turn() {
    let extractor = extractor(2);
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let extractor = extractor.clone();
            tokio::spawn(async move {
                let words = format!("document {number}");
                let read = extractor.text(words.clone().into_bytes(), Format::Plain).await;
                assert_eq!(read.expect("it can be read").text, words);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it was read");
    }
}

#[tokio::test]
async fn a_document_that_takes_too_long_is_given_up() {
    let extractor = extractor(1);
    reads(&extractor).await;
    let hasty = extractor.clone().with_time_limit(Duration::from_millis(50));
    let refused = hasty.text(long_page(), Format::Html).await.expect_err("it takes too long");
    assert_eq!(refused.reason, Reason::TooSlow);
    assert_eq!(refused.words, "Reading this web page took too long and was stopped.");
    reads(&extractor).await;
}

#[tokio::test]
async fn a_document_nobody_waits_for_takes_no_worker() {
    let extractor = extractor(1);
    let read = extractor.text(long_page(), Format::Html);
    assert!(tokio::time::timeout(Duration::from_millis(50), read).await.is_err());
    reads(&extractor).await;
}

#[tokio::test]
async fn a_program_that_talks_nonsense_is_given_up() {
    let extractor = Extractor::new(example("babbler"), 1).with_time_limit(Duration::from_millis(500));
    let refused = extractor.text(b"words".to_vec(), Format::Plain).await.expect_err("that is no worker");
    assert_eq!(refused.reason, Reason::TooSlow);
}

/// A real one: the reader of PDFs calls itself for each array in an array.
#[tokio::test]
async fn a_file_that_exhausts_the_stack_takes_only_its_worker() {
    let extractor = extractor(1);
    let deep = format!("BT {} ET", "[".repeat(2_000_000)).into_bytes();
    let refused = extractor.text(pdf_page(deep, ""), Format::Pdf).await.expect_err("it is too deep");
    assert_eq!(refused.reason, Reason::Crashed);
    reads(&extractor).await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said() {
    let extractor = Extractor::new(example("no_such_worker"), 1);
    let refused = extractor.text(b"words".to_vec(), Format::Plain).await.expect_err("there is no worker");
    assert_eq!(refused.reason, Reason::NotStarted);
}

#[tokio::test]
async fn a_file_over_the_limit_is_not_sent() {
    let refused = extractor(1).text(vec![b'a'; MAX_INPUT + 1], Format::Plain).await.expect_err("too large");
    assert_eq!(refused.reason, Reason::TooLarge);
}

#[tokio::test]
async fn a_long_text_arrives_cut() {
    let long = "Größe ".repeat(2 * 1024 * 1024).into_bytes();
    assert!(extractor(1).text(long, Format::Plain).await.expect("it can be read").truncated);
}

#[test]
fn a_worker_ends_with_its_stdin() {
    let mut worker = Command::new(example("worker"))
        .arg("--extract-worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("a worker");
    drop(worker.stdin.take());
    let asked = Instant::now();
    worker.wait().expect("it ended");
    assert!(asked.elapsed() < Duration::from_secs(10));
}

#[test]
fn without_the_argument_the_program_goes_on() {
    let ended = Command::new(example("worker")).stdin(Stdio::null()).status().expect("it ran");
    assert!(ended.success());
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    /// The workers of this process, which nextest starts for each test anew.
    fn workers() -> Vec<u32> {
        let own = std::process::id().to_string();
        let is_ours = |pid: &u32| {
            // The name in parentheses may hold anything; behind it stand the state and the parent.
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let behind = status.rsplit(')').next().unwrap_or_default();
            let mut fields = behind.split_whitespace();
            fields.next() != Some("Z") && fields.next() == Some(own.as_str())
        };
        let entries = std::fs::read_dir("/proc").expect("processes").flatten();
        entries.filter_map(|it| it.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }

    /// Spaces as zlib packs them, 258 of them in thirteen bits.
    fn spaces(runs: usize) -> Vec<u8> {
        let (mut packed, mut byte, mut filled) = (vec![0x78, 0x01], 0_u8, 0_u32);
        let mut put = |bits: &str| {
            for bit in bits.bytes() {
                byte |= (bit - b'0') << filled;
                filled += 1;
                if filled == 8 {
                    packed.push(std::mem::take(&mut byte));
                    filled = 0;
                }
            }
        };
        // The last block, with fixed codes; one space.
        put("11001010000");
        for _ in 0..runs {
            // 258 bytes more, from one byte back.
            put("1100010100000");
        }
        put("00000000000000");
        packed
    }

    fn signal(pid: u32, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(pid as i32).expect("a process");
        rustix::process::kill_process(pid, signal).expect("it can be signalled");
    }

    async fn only_worker() -> u32 {
        for _ in 0..500 {
            if let [one] = workers()[..] {
                return one;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not one worker: {:?}", workers());
    }

    #[tokio::test]
    async fn a_worker_that_is_killed_over_a_document_is_replaced() {
        let extractor = extractor(1);
        let other = extractor.clone();
        let reading = tokio::spawn(async move { other.text(long_page(), Format::Html).await });
        let worker = only_worker().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        signal(worker, rustix::process::Signal::KILL);
        let refused = reading.await.expect("an answer").expect_err("its worker was killed");
        assert_eq!(refused.reason, Reason::Crashed);
        reads(&extractor).await;
        assert_ne!(only_worker().await, worker);
    }

    #[tokio::test]
    async fn a_worker_that_was_killed_while_idle_costs_no_document() {
        let extractor = extractor(1);
        reads(&extractor).await;
        signal(only_worker().await, rustix::process::Signal::KILL);
        reads(&extractor).await;
    }

    #[tokio::test]
    async fn a_worker_that_hangs_is_replaced() {
        let extractor = extractor(1).with_time_limit(Duration::from_secs(2));
        reads(&extractor).await;
        let worker = only_worker().await;
        signal(worker, rustix::process::Signal::STOP);
        let refused = extractor.text(b"words".to_vec(), Format::Plain).await.expect_err("nobody answers");
        assert_eq!(refused.reason, Reason::TooSlow);
        reads(&extractor).await;
        assert_ne!(only_worker().await, worker);
    }

    #[tokio::test]
    async fn workers_end_with_their_extractor() {
        let extractor = extractor(2);
        reads(&extractor).await;
        let worker = only_worker().await;
        drop(extractor);
        for _ in 0..500 {
            if !workers().contains(&worker) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the worker lives on");
    }

    /// Its one page is two gigabytes once it is unpacked.
    #[tokio::test]
    async fn a_file_that_eats_memory_takes_only_its_worker() {
        let extractor = extractor(1);
        let refused = extractor.text(pdf_page(spaces(8_000_000), "FlateDecode"), Format::Pdf).await;
        assert_ne!(refused.expect_err("it is too large").reason, Reason::NotStarted);
        reads(&extractor).await;
    }
}
