//! Time windows: hours of the day, optionally on some days of the week.

use std::fmt;

use jiff::civil::{DateTime, Weekday};

const DAY_NAMES: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// A time window such as `09:00-17:00`, `Mon-Fri 09:00-17:00` or `Sat,Sun 22:00-06:00`.
///
/// The start belongs to the window, the end does not: 16:59:59.999 lies inside `09:00-17:00`, 17:00:00 and
/// 17:00:59 do not. A window that ends before it starts goes on over midnight, and its days are those on
/// which it starts: `Fri 22:00-06:00` ends on Saturday at 06:00. `24:00` may be written as an end and is the
/// end of the day.
///
/// Wall-clock time counts: an hour that daylight saving time repeats lies inside both times, and of a window
/// that begins within a skipped hour the rest is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    text: Box<str>,
    /// One bit per day, Monday being the lowest.
    days: u8,
    /// Minutes since midnight.
    start: u16,
    end: u16,
}

impl Window {
    /// Parses a window.
    ///
    /// # Errors
    ///
    /// Says what is wrong. Times are `HH:MM` from 00:00 to 23:59 (the end up to 24:00), days three-letter
    /// English names in any case, as lists and ranges. Equal times are an error, since they could mean
    /// always or never.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (days, hours) = match text.split_once(' ') {
            Some((days, hours)) => (parse_days(days)?, hours),
            None => (0b111_1111, text),
        };
        let Some((start, end)) = hours.split_once('-') else {
            return Err("a time window is two times with `-` between them".to_owned());
        };
        let (start, end) = (parse_time(start)?, parse_time(end)?);
        if start == MINUTES_PER_DAY {
            return Err("a time window starts at 23:59 at the latest".to_owned());
        }
        if start == end {
            return Err("a time window starts and ends at the same time".to_owned());
        }
        Ok(Self { text: text.into(), days, start, end })
    }

    /// The window as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a moment, in local time, lies inside the window.
    pub fn contains(&self, local: DateTime) -> bool {
        // Whole minutes suffice: a minute has begun as soon as its first nanosecond has.
        let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
        let Ok(minute) = u16::try_from(minute) else { return false };
        let today = self.has_day(local.weekday());
        if self.start < self.end {
            return today && self.start <= minute && minute < self.end;
        }
        (today && self.start <= minute) || (minute < self.end && self.has_day(local.weekday().previous()))
    }

    fn has_day(&self, day: Weekday) -> bool {
        self.days & bit(day) != 0
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const MINUTES_PER_DAY: u16 = 24 * 60;

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

fn parse_time(text: &str) -> Result<u16, String> {
    let parts = match text.as_bytes() {
        [h1, h2, b':', m1, m2] => [*h1, *h2, *m1, *m2],
        _ => return Err(not_a_time()),
    };
    if !parts.iter().all(u8::is_ascii_digit) {
        return Err(not_a_time());
    }
    let [h1, h2, m1, m2] = parts.map(|digit| u16::from(digit - b'0'));
    let (hours, minutes) = (h1 * 10 + h2, m1 * 10 + m2);
    let time = hours * 60 + minutes;
    if minutes > 59 || time > MINUTES_PER_DAY {
        return Err("a time lies between 00:00 and 24:00".to_owned());
    }
    Ok(time)
}

fn not_a_time() -> String {
    "a time is two digits, `:` and two digits, without white space or seconds".to_owned()
}

fn parse_days(text: &str) -> Result<u8, String> {
    text.split(',').try_fold(0, |days, item| {
        Ok(days
            | match item.split_once('-') {
                Some((first, last)) => day_range(parse_day(first)?, parse_day(last)?),
                None => bit(parse_day(item)?),
            })
    })
}

fn parse_day(text: &str) -> Result<Weekday, String> {
    DAY_NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, day)| *day)
        .ok_or_else(|| "a day is one of `Mon`, `Tue`, `Wed`, `Thu`, `Fri`, `Sat`, `Sun`".to_owned())
}

/// The days from the first to the last, over the week's end where need be.
fn day_range(first: Weekday, last: Weekday) -> u8 {
    let mut days = bit(first);
    let mut day = first;
    while day != last {
        day = day.next();
        days |= bit(day);
    }
    days
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

    use super::Window;

    fn inside(window: &str, local: &str) -> bool {
        Window::parse(window).unwrap().contains(local.parse::<DateTime>().unwrap())
    }

    #[test]
    fn the_start_is_inside_and_the_end_is_not() {
        for (time, expected) in [
            ("08:59:59.999999999", false),
            ("09:00:00", true),
            ("12:00", true),
            ("16:59:59.999", true),
            ("17:00:00", false),
            ("17:00:59", false),
            ("00:00", false),
        ] {
            assert_eq!(inside("09:00-17:00", &format!("2026-01-31T{time}")), expected, "{time}");
        }
        assert!(inside("00:00-24:00", "2026-01-31T23:59:59.999999999"));
        assert!(inside("23:59-24:00", "2026-01-31T23:59:59"));
        assert!(!inside("23:59-24:00", "2026-01-31T00:00:00"));
    }

    #[test]
    fn overnight_windows_belong_to_the_day_they_start() {
        // 2026-01-30 is a Friday.
        for (window, moment, expected) in [
            ("22:00-06:00", "2026-01-30T23:00", true),
            ("22:00-06:00", "2026-01-30T05:59:59", true),
            ("22:00-06:00", "2026-01-30T06:00", false),
            ("22:00-06:00", "2026-01-30T21:59:59", false),
            ("Fri 22:00-06:00", "2026-01-30T22:00", true),
            ("Fri 22:00-06:00", "2026-01-31T05:59", true),
            ("Fri 22:00-06:00", "2026-01-30T05:59", false),
            ("Fri 22:00-06:00", "2026-01-31T22:00", false),
            ("Sat,Sun 22:00-06:00", "2026-02-02T03:00", true),
            ("Sat,Sun 22:00-06:00", "2026-01-31T03:00", false),
            ("Sun 22:00-00:00", "2026-02-01T23:59", true),
            ("Sun 22:00-00:00", "2026-02-02T00:00", false),
            ("Mon-Fri 09:00-17:00", "2026-01-30T09:00", true),
            ("Mon-Fri 09:00-17:00", "2026-01-31T09:00", false),
            ("Fri-Mon 09:00-17:00", "2026-02-02T09:00", true),
            ("Fri-Mon 09:00-17:00", "2026-02-03T09:00", false),
            ("mon,WED-thu 09:00-17:00", "2026-02-05T09:00", true),
            ("mon,WED-thu 09:00-17:00", "2026-02-03T09:00", false),
        ] {
            assert_eq!(inside(window, moment), expected, "{window} at {moment}");
        }
    }

    #[test]
    fn daylight_saving_time_follows_the_wall_clock() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = |window: &str, utc: &str| {
            Window::parse(window).unwrap().contains(berlin.to_datetime(utc.parse::<Timestamp>().unwrap()))
        };
        // Summer: UTC+2. Winter: UTC+1.
        assert!(at("09:00-17:00", "2026-07-01T07:00:00Z") && !at("09:00-17:00", "2026-07-01T15:00:00Z"));
        assert!(!at("09:00-17:00", "2026-01-05T07:59:59Z") && at("09:00-17:00", "2026-01-05T08:00:00Z"));
        // 2026-03-29: 02:00 is followed by 03:00.
        assert!(!at("02:00-03:30", "2026-03-29T00:59:59Z"));
        assert!(at("02:00-03:30", "2026-03-29T01:00:00Z") && !at("02:00-03:30", "2026-03-29T01:30:00Z"));
        // 2026-10-25: the hour from 02:00 to 03:00 comes twice.
        assert!(at("02:00-03:00", "2026-10-25T00:30:00Z") && at("02:00-03:00", "2026-10-25T01:30:00Z"));
        assert!(!at("02:00-03:00", "2026-10-25T02:00:00Z"));
    }

    #[test]
    fn what_is_no_window_says_why() {
        for (text, why) in [
            ("", "two times"),
            ("09:00", "two times"),
            ("9:00-17:00", "two digits"),
            ("09:00-17:00:00", "two digits"),
            ("09:00 - 17:00", "a day is"),
            ("09:00-17:00 ", "a day is"),
            (" 09:00-17:00", "a day is"),
            ("Mon  09:00-17:00", "two digits"),
            ("09:00-17:00\n", "two digits"),
            ("٠٩:00-17:00", "two digits"),
            ("+9:00-17:00", "two digits"),
            ("09:60-17:00", "between"),
            ("25:00-26:00", "between"),
            ("09:00-24:01", "between"),
            ("24:00-06:00", "23:59"),
            ("09:00-09:00", "same time"),
            ("Montag 09:00-17:00", "a day is"),
            ("Mon-Fri", "two digits"),
            ("Mon, 09:00-17:00", "a day is"),
            ("Mon-Fri-Sun 09:00-17:00", "a day is"),
        ] {
            let error = Window::parse(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
