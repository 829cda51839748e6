//! The one budget of memory: what is about to be taken because a file, a recipe or a flag says so is compared with what
//! the machine has, first. A number of ten digits is then an error that names it, and not a process that the system ends.

use std::fmt;

use crate::error::Hint;

/// More memory than there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooMuch {
    what: String,
    needed_bytes: u64,
    there_bytes: u64,
    hint: String,
}

impl TooMuch {
    /// More than could be had: the system refused so many bytes.
    pub(crate) fn of(needed_bytes: u64) -> Self {
        Self { what: String::new(), needed_bytes, there_bytes: there_bytes(), hint: String::new() }
    }
}

impl fmt::Display for TooMuch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, needed_bytes, there_bytes, .. } = self;
        let (needed, there) = (size(*needed_bytes), size(*there_bytes));
        write!(out, "{what}: expected to need at most the {there} of memory that can be had, found {needed} at least")
    }
}

impl std::error::Error for TooMuch {}

impl Hint for TooMuch {
    fn hint(&self) -> Option<String> {
        (!self.hint.is_empty()).then(|| self.hint.clone())
    }
}

/// Checks that so many bytes can be had. `what` says what they are for: ``the steps of the run (`epochs`)``.
///
/// # Errors
/// When the machine has less.
///
/// # Example
/// ```
/// use imagenette_files::memory;
///
/// assert!(memory::check("a photo", 1 << 20, "").is_ok());
/// let error = memory::check("the network (`model.widths`)", u64::MAX, "lower it").unwrap_err();
/// assert!(error.to_string().starts_with("the network (`model.widths`): "));
/// ```
pub fn check(what: &str, bytes: u64, hint: &str) -> Result<(), TooMuch> {
    // What is small is not worth asking the system.
    if bytes <= ALWAYS_BYTES {
        return Ok(());
    }
    let there_bytes = there_bytes();
    if bytes <= there_bytes {
        return Ok(());
    }
    Err(TooMuch { what: what.into(), needed_bytes: bytes, there_bytes, hint: hint.into() })
}

/// What is taken without asking.
const ALWAYS_BYTES: u64 = 64 << 20;

/// The product of some sizes, at most [`u64::MAX`].
pub fn product(sizes: impl IntoIterator<Item = u64>) -> u64 {
    sizes.into_iter().fold(1, u64::saturating_mul)
}

/// The memory that this process can have at most: the machine's, or less where its group or its limits say so. All
/// there is where the system does not say.
pub fn there_bytes() -> u64 {
    // Systems other than Linux have no such files: then they say nothing.
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let known = read("/proc/meminfo");
    let kilobytes = |name| field(&known, name);
    let machine = kilobytes("MemTotal:").map(|memory| memory.saturating_add(kilobytes("SwapTotal:").unwrap_or(0)));
    let machine = machine.map(|kilobytes| kilobytes.saturating_mul(1024));
    let own_group = read("/proc/self/cgroup");
    let own_group = own_group.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    let groups = [
        "/sys/fs/cgroup/memory.max".to_owned(),
        format!("/sys/fs/cgroup{own_group}/memory.max"),
        "/sys/fs/cgroup/memory/memory.limit_in_bytes".to_owned(),
    ];
    let groups = groups.map(|path| read(&path).trim().parse().ok());
    let used = field(&read("/proc/self/status"), "VmSize:").unwrap_or(0).saturating_mul(1024);
    let limit = address_space(&read("/proc/self/limits")).map(|limit| limit.saturating_sub(used));
    groups.into_iter().chain([machine, limit]).flatten().min().unwrap_or(u64::MAX)
}

/// A number of kilobytes in a file of the proc file system.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// The most bytes of addresses that the process may have, where they are limited.
fn address_space(limits: &str) -> Option<u64> {
    limits.lines().find_map(|line| line.strip_prefix("Max address space"))?.split_whitespace().next()?.parse().ok()
}

fn size(bytes: u64) -> String {
    match bytes {
        ..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        1_000_000_000..1_000_000_000_000 => format!("{:.1} GB", bytes as f64 / 1e9),
        u64::MAX => "more than 10 million TB".into(),
        _ => format!("{:.0} TB", bytes as f64 / 1e12),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_has_is_given_and_more_is_refused_with_both_sizes() {
        let there = there_bytes();
        assert!(there > 1 << 26, "{there}");
        check("half of it", there / 2, "").unwrap();
        let error = check("the steps", u64::MAX, "fewer").unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("the steps: expected to need at most the ") && text.contains("10 million TB"),
            "{text}"
        );
        assert_eq!(error.hint().unwrap(), "fewer");
        assert_eq!(product([1 << 40, 1 << 40]), u64::MAX);
    }

    #[test]
    fn limits_are_read_where_there_are_any() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max address space         6442450944           6442450944           bytes     \n";
        assert_eq!(address_space(limits), Some(6_442_450_944));
        assert_eq!(address_space("Max address space         unlimited            unlimited            bytes"), None);
        assert_eq!(address_space(""), None);
        assert_eq!(field("MemFree: 1 kB\nMemTotal:       24684096 kB\n", "MemTotal:"), Some(24_684_096));
    }
}
