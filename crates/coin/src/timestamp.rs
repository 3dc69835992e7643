//! Points in time as a coin writes them: RFC 3339, whole seconds, always `Z`.
//!
//! A date library would be the largest dependency inside the proxy for one fixed format, so the calendar arithmetic is here: the
//! proleptic Gregorian calendar, years 1970 to 9999, no leap seconds (as in Unix time).

use std::fmt;

/// 9999-12-31T23:59:59Z, the last second that four digits of year can write.
const UNIX_S_MAX: u64 = 253_402_300_799;

/// A point in time, in whole seconds since the Unix epoch; never after the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last point in time there is: 9999-12-31T23:59:59Z.
    pub const MAX: Timestamp = Timestamp(UNIX_S_MAX);

    /// From seconds since the Unix epoch; `None` after the year 9999.
    pub fn from_unix_s(seconds: u64) -> Option<Timestamp> {
        (seconds <= UNIX_S_MAX).then_some(Timestamp(seconds))
    }

    /// Seconds since the Unix epoch.
    pub fn unix_s(self) -> u64 {
        self.0
    }

    /// Reads `YYYY-MM-DDTHH:MM:SSZ`, in exactly that spelling; `None` for anything else or a date that does not exist.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let [
            y1,
            y2,
            y3,
            y4,
            b'-',
            mo1,
            mo2,
            b'-',
            d1,
            d2,
            b'T',
            h1,
            h2,
            b':',
            mi1,
            mi2,
            b':',
            s1,
            s2,
            b'Z',
        ] = *text.as_bytes()
        else {
            return None;
        };
        let year = decimal(&[y1, y2, y3, y4])?;
        let month = decimal(&[mo1, mo2])?;
        let day = decimal(&[d1, d2])?;
        let hour = decimal(&[h1, h2])?;
        let minute = decimal(&[mi1, mi2])?;
        let second = decimal(&[s1, s2])?;
        if year < 1970 || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_from_civil(year, month, day);
        // Day 0, or a 31st where there is none, comes back as another date.
        if civil_from_days(days) != (year, month, day) {
            return None;
        }
        Timestamp::from_unix_s(seconds_of(days, hour, minute, second))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0 / 86_400);
        let (hour, minute, second) = (self.0 / 3_600 % 24, self.0 / 60 % 60, self.0 % 60);
        let [y1, y2] = two_digits(year / 100);
        let [y3, y4] = two_digits(year % 100);
        let [mo1, mo2] = two_digits(month);
        let [d1, d2] = two_digits(day);
        let [h1, h2] = two_digits(hour);
        let [mi1, mi2] = two_digits(minute);
        let [s1, s2] = two_digits(second);
        // In one piece: the formatter's own padding takes longer than all the rest of an entry of the log.
        let text = [
            y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2, b'Z',
        ];
        formatter.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// The digits of a number below a hundred.
fn two_digits(number: u64) -> [u8; 2] {
    // A digit's low bits are zero in b'0'.
    [number / 10, number % 10].map(|digit| b'0' | (digit as u8))
}

/// The value of up to four decimal digits.
fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Seconds since the epoch of a time of day, `days` after the epoch.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "at most 9999 years of seconds, far inside 64 bits"
)]
fn seconds_of(days: u64, hour: u64, minute: u64, second: u64) -> u64 {
    days * 86_400 + hour * 3_600 + minute * 60 + second
}

/// Days from 1970-01-01 to a date. Years are counted from 1 March, which puts the leap day last, in eras of 400 years (146,097 days).
#[expect(
    clippy::arithmetic_side_effects,
    reason = "year 1970 to 9999, month 1 to 12, day 0 to 99: no term leaves 64 bits or goes below 0"
)]
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    // 719,468 days from 0000-03-01 to 1970-01-01, and one because days of a month count from 1.
    era * 146_097 + day_of_era - 719_469
}

/// The date `days` after 1970-01-01: the inverse of [`days_from_civil`].
#[expect(
    clippy::arithmetic_side_effects,
    reason = "the days of a 64-bit count of seconds: no term leaves 64 bits or goes below 0"
)]
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, UNIX_S_MAX};

    #[test]
    fn known_points_in_time() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1999-12-31T23:59:59Z", 946_684_799),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2024-02-29T00:00:00Z", 1_709_164_800),
            ("2030-01-01T00:00:00Z", 1_893_456_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", UNIX_S_MAX),
        ] {
            let parsed = Timestamp::parse(text).unwrap();
            assert_eq!(parsed.unix_s(), seconds, "{text}");
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn every_day_up_to_the_year_9999_reads_back() {
        for day in 0..=UNIX_S_MAX / 86_400 {
            let then = Timestamp::from_unix_s(day * 86_400 + day % 86_400).unwrap();
            assert_eq!(Timestamp::parse(&then.to_string()), Some(then));
        }
    }

    #[test]
    fn another_spelling_or_an_impossible_date_is_refused() {
        for bad in [
            "",
            "2030-01-01",
            "2030-01-01T00:00:00",
            "2030-01-01T00:00:00z",
            "2030-01-01t00:00:00Z",
            "2030-01-01 00:00:00Z",
            "2030-01-01T00:00:00.0Z",
            "2030-01-01T00:00:00+00:00",
            "2030-1-01T00:00:00Z",
            "+030-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2030-00-01T00:00:00Z",
            "2030-13-01T00:00:00Z",
            "2030-01-00T00:00:00Z",
            "2030-01-32T00:00:00Z",
            "2030-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2030-04-31T00:00:00Z",
            "2030-01-01T24:00:00Z",
            "2030-01-01T00:60:00Z",
            "2030-01-01T00:00:60Z",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad:?}");
        }
        assert_eq!(Timestamp::from_unix_s(UNIX_S_MAX + 1), None);
    }
}
