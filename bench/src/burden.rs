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

/// User and system time so far. Linux counts it in hundredths of a second there, whatever the kernel's own tick.
fn cpu() -> Measured<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").map_err(|why| format!("/proc/self/stat: {why}"))?;
    // The second field is the program's name in brackets, which may hold blanks.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<u64>().ok());
    match (ticks(11), ticks(12)) {
        (Some(user), Some(system)) => Ok(Duration::from_millis((user + system) * 10)),
        _ => Err("/proc/self/stat is not as proc(5) describes it.".into()),
    }
}

/// Resident memory of a process and all it started, in MB. Pages that several share count for each.
pub fn resident(pid: u32) -> f64 {
    let mut whole = own(pid);
    let children = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for task in children {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        whole += text.split_whitespace().filter_map(|it| it.parse().ok()).map(resident).sum::<f64>();
    }
    whole
}

fn own(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|it| it.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
