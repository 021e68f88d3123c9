//! Amounts of money in minor units.

use std::fmt;

use thiserror::Error;

/// An amount in minor units with its currency, as deals, orders and currency fields carry it.
///
/// The API counts in hundredths for every currency it names. Source: vendor reference, "Create a deal".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: [u8; 3],
}

/// Why a text is no amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotMoney {
    /// The amount is not an integer of 64 bits.
    #[error("amount is not a whole number of minor units")]
    Amount,
    /// The currency is not three letters.
    #[error("currency is not a code of three letters")]
    Currency,
}

impl Money {
    /// `minor` hundredths of `currency`, a code of three letters in any case.
    pub fn new(minor: i64, currency: &str) -> Result<Money, NotMoney> {
        let letters: [u8; 3] = currency.as_bytes().try_into().map_err(|_| NotMoney::Currency)?;
        if !letters.iter().all(u8::is_ascii_alphabetic) {
            return Err(NotMoney::Currency);
        }
        Ok(Money { minor, currency: letters.map(|letter| letter.to_ascii_uppercase()) })
    }

    /// Reads the API's two fields: `"1234500"` and `"usd"`.
    pub fn parse(minor: &str, currency: &str) -> Result<Money, NotMoney> {
        Money::new(minor.trim().parse().map_err(|_| NotMoney::Amount)?, currency)
    }

    /// The amount in hundredths.
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency, in upper case.
    pub fn currency(&self) -> &str {
        std::str::from_utf8(&self.currency).expect("a currency is made of ASCII letters")
    }
}

/// The amount in major units with two decimals: `12345.00 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        write!(f, "{sign}{}.{:02} {}", minor / 100, minor % 100, self.currency())
    }
}

#[cfg(test)]
mod tests {
    use super::{Money, NotMoney};

    #[test]
    fn cents_print_as_major_units() {
        assert_eq!(Money::parse("1234500", "usd").expect("it is money").to_string(), "12345.00 USD");
        assert_eq!(Money::new(-5, "EUR").expect("it is money").to_string(), "-0.05 EUR");
        let least = Money::new(i64::MIN, "eur").expect("it is money");
        assert_eq!(least.to_string(), "-92233720368547758.08 EUR");
    }

    #[test]
    fn odd_amounts_and_currencies_are_refused() {
        assert_eq!(Money::parse("156.24", "usd"), Err(NotMoney::Amount));
        assert_eq!(Money::parse("", "usd"), Err(NotMoney::Amount));
        for currency in ["", "us", "usdt", "us1", "€"] {
            assert_eq!(Money::parse("1", currency), Err(NotMoney::Currency), "{currency}");
        }
    }
}
