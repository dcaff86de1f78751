//! The window against an empty one built the same way: how soon its first frame is painted and what memory it holds, with
//! fifty connections in the store. Both are shown on a display of their own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat};

use crate::stage::Stage;
use crate::{Figure, Measured, burden, median};

const CONNECTIONS: usize = 50;
const ROUNDS: usize = 7;
const PATIENCE: Duration = Duration::from_secs(30);
/// By then a page has settled.
const SETTLED: Duration = Duration::from_secs(3);

pub async fn measure() -> Measured<Vec<Figure>> {
    let (tieline, empty) = (built("tieline-desktop")?, built("examples/empty")?);
    let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
    fill(folder.path()).await?;
    let measured = tokio::task::spawn_blocking(move || {
        let screen = Screen::open()?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let (one, other) = (screen.show(&tieline, folder.path())?, screen.show(&empty, folder.path())?);
            // The first comes from the disk.
            if round > 0 {
                ours.push(one);
                theirs.push(other);
            }
        }
        Ok::<_, String>((ours, theirs))
    });
    let (ours, theirs) = measured.await.map_err(|why| why.to_string())??;
    let middle = |all: &[Shown], of: fn(&Shown) -> f64| median(all.iter().map(of).collect());
    let figure = |what: &str, unit: &str, of: fn(&Shown) -> f64| {
        let (tieline, floor) = (middle(&ours, of), middle(&theirs, of));
        Figure {
            what: format!("{what}, {CONNECTIONS} connections, median of {ROUNDS}"),
            tieline: format!("{tieline:.0} {unit}"),
            floor: format!("{floor:.0} {unit}"),
            ratio: Some(tieline / floor),
            aim: Some(1.15),
        }
    };
    Ok(vec![
        figure("start to first painted frame", "ms", |it| it.painted),
        figure("resident memory", "MB", |it| it.resident),
    ])
}

/// The size of the package, where one has been made.
pub fn package() -> Measured<Vec<Figure>> {
    let folder = target().join("release/bundle/deb");
    let found = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let debs = found.filter(|it| it.path().extension().is_some_and(|end| end == "deb"));
    let newest = debs.filter_map(|it| it.metadata().ok()).max_by_key(|it| it.modified().ok());
    let size = newest.ok_or("There is no deb; `cargo xtask bundle` makes one.")?.len();
    Ok(vec![Figure {
        what: "deb".into(),
        tieline: format!("{:.1} MB", size as f64 / 1e6),
        floor: String::new(),
        ratio: None,
        aim: None,
    }])
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

fn built(name: &str) -> Measured<PathBuf> {
    let path = target().join("release").join(name);
    if path.exists() { Ok(path) } else { Err(format!("{name} is not built for release.")) }
}

/// Connects in practice and lays the store where a window without practice looks, so that no practice providers run in
/// the window's process. Nothing is due for hours, so nobody is asked for anything.
async fn fill(folder: &Path) -> Measured<()> {
    let stage = Stage::open().await?;
    let making = tempfile::tempdir().map_err(|why| why.to_string())?;
    let app = stage.product(making.path()).await?;
    stage.connections(&app, CONNECTIONS).await?;
    app.close().await;
    drop(app);
    for name in ["tieline.db", "tieline.db-wal"] {
        let from = making.path().join("practice").join(name);
        if from.exists() {
            std::fs::copy(from, folder.join(name)).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    Ok(())
}

/// What was seen of a program. Milliseconds and MB.
struct Shown {
    painted: f64,
    resident: f64,
}

/// A display that nobody looks at.
struct Screen {
    server: Child,
    name: String,
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _gone_already = self.server.kill();
        let _gone_already = self.server.wait();
    }
}

impl Screen {
    fn open() -> Measured<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|why| format!("Xvfb: {why}"))?;
        let mut number = String::new();
        if let Some(output) = server.stdout.take() {
            BufReader::new(output).read_line(&mut number).map_err(|why| format!("Xvfb: {why}"))?;
        }
        Ok(Self { server, name: format!(":{}", number.trim()) })
    }

    /// Starts a program, waits for its first frame, and ends it.
    fn show(&self, program: &Path, folder: &Path) -> Measured<Shown> {
        let (screen, at) = x11rb::connect(Some(&self.name)).map_err(|why| why.to_string())?;
        let root = screen.setup().roots[at].root;
        let began = Instant::now();
        let mut child = Command::new(program)
            .env("DISPLAY", &self.name)
            .env("GDK_BACKEND", "x11")
            .env("TIELINE_DATA", folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|why| format!("{}: {why}", program.display()))?;
        let painted = loop {
            // Inside of the window; the ground alone has one colour, and a page more.
            let image = screen
                .get_image(ImageFormat::Z_PIXMAP, root, 140, 120, 1000, 560, u32::MAX)
                .map_err(|why| why.to_string())?
                .reply()
                .map_err(|why| why.to_string())?;
            let mut pixels = image.data.chunks_exact(4);
            let first = pixels.next().map(<[u8]>::to_owned).unwrap_or_default();
            if pixels.any(|pixel| pixel != first) {
                break Some(began.elapsed());
            }
            if began.elapsed() > PATIENCE {
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        std::thread::sleep(SETTLED);
        let resident = burden::resident(child.id());
        let ended_early = child.try_wait().ok().flatten().is_some();
        let _gone_already = child.kill();
        let _gone_already = child.wait();
        match painted {
            Some(painted) if !ended_early => Ok(Shown { painted: painted.as_secs_f64() * 1000.0, resident }),
            _ => Err(format!("{} painted nothing.", program.display())),
        }
    }
}
