//! The time of day, as records have it.

use std::time::SystemTime;

use jiff::Timestamp;

/// Now. A clock that stands outside of the years that can be written gives the first or the last moment that can: a
/// wrong clock is no reason to lose a run.
pub fn now() -> Timestamp {
    written(SystemTime::now())
}

fn written(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_after_the_year_9999_gives_the_last_moment_that_can_be_written() {
        let after = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(written(after(0)), Timestamp::UNIX_EPOCH);
        assert_eq!(written(after(253_402_300_800 + 100_000)), Timestamp::MAX);
        assert!(now() > Timestamp::UNIX_EPOCH);
        let text = serde_json::to_string(&Timestamp::MAX).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), Timestamp::MAX, "it is read again");
    }
}
