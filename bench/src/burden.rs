//! What work costs a process, out of /proc.

use std::time::{Duration, Instant};

use crate::Measured;

/// Time of the wall and of the processors.
#[derive(Debug, Clone, Copy, Default)]
pub struct Burden {
    pub wall: Duration,
    pub cpu: Duration,
}

impl Burden {
    /// What one of so many equal parts took.
    pub fn shared_by(self, parts: usize) -> Self {
        let part = |whole: Duration| whole.div_f64(parts as f64);
        Self { wall: part(self.wall), cpu: part(self.cpu) }
    }
}

/// Measures what some work costs this process, all its threads together.
pub async fn of<T>(work: impl Future<Output = Measured<T>>) -> Measured<Burden> {
    let (began, before) = (Instant::now(), cpu()?);
    work.await?;
    Ok(Burden { wall: began.elapsed(), cpu: cpu()?.saturating_sub(before) })
}

/// As [`of`], with what the processes cost that this one has started and that still run.
pub async fn of_all<T>(work: impl Future<Output = Measured<T>>) -> Measured<Burden> {
    let (began, before) = (Instant::now(), cpu()? + cpu_of_children());
    work.await?;
    Ok(Burden { wall: began.elapsed(), cpu: (cpu()? + cpu_of_children()).saturating_sub(before) })
}

fn cpu_of_children() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let children = tasks.flat_map(|task| {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    });
    // The practice providers are a child as well, and none of the product's.
    let own = children.filter(|pid| pid.parse().is_ok_and(|pid| !is_practice(pid)));
    own.filter_map(|pid| ticks(&format!("/proc/{pid}/stat")).ok()).sum()
}

/// User and system time so far. Linux counts it in hundredths of a second there, whatever the kernel's own tick.
fn cpu() -> Measured<Duration> {
    ticks("/proc/self/stat")
}

fn ticks(file: &str) -> Measured<Duration> {
    let stat = std::fs::read_to_string(file).map_err(|why| format!("{file}: {why}"))?;
    // The second field is the program's name in brackets, which may hold blanks.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<u64>().ok());
    match (ticks(11), ticks(12)) {
        (Some(user), Some(system)) => Ok(Duration::from_millis((user + system) * 10)),
        _ => Err(format!("{file} is not as proc(5) describes it.")),
    }
}

/// Resident memory of a process and all it started, in MB. Pages that several share count for each.
pub fn resident(pid: u32) -> f64 {
    let mut whole = own(pid);
    let children = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for task in children {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        let children = text.split_whitespace().filter_map(|it| it.parse().ok());
        whole += children.filter(|pid| !is_practice(*pid)).map(resident).sum::<f64>();
    }
    whole
}

fn is_practice(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().contains("practise")
}

fn own(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|it| it.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
