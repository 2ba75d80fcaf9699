//! Times as records tell them: RFC 3339 in UTC.

/// Milliseconds since 1970 of a time such as `2026-01-31T08:15:00.25Z`. Nothing else is a time.
pub fn unix_millis(text: &str) -> Option<i64> {
    Some(unix_nanos(text)? / 1_000_000)
}

/// As `unix_millis`, in nanoseconds.
pub fn unix_nanos(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers::<3>(date, '-')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers::<3>(clock, ':')?;
    let fits =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !fits || !(1970..=2261).contains(&year) || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

fn numbers<const N: usize>(text: &str, between: char) -> Option<[i64; N]> {
    let read = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit()).then(|| part.parse().ok())?;
    let parts: Option<Vec<i64>> = text.split(between).map(read).collect();
    parts?.try_into().ok()
}

/// Days since 1970. The year is taken to begin in March, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_what_the_calendar_says() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2026-11-27T21:46:58.123456789Z", 1_795_816_018_123),
            ("2100-03-01T00:00:00.5Z", 4_107_542_400_500),
        ] {
            assert_eq!(unix_millis(text), Some(millis), "{text}");
        }
        for text in ["", "2026-11-27", "2026-11-27T21:46:58", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00.Z"]
        {
            assert_eq!(unix_millis(text), None, "{text}");
        }
    }
}
