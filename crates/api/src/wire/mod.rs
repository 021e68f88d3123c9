//! Spellings of values that are the API's own, as types.

pub mod ip;
pub mod money;
pub mod multi_value;
pub mod time;

pub use ip::IpNumber;
pub use money::Money;
pub use multi_value::MultiValue;
pub use time::WireTime;
