//! The stream table: what each stream of the API is, as data.
//!
//! One const entry per stream, kept in [`crate::streams`]. Client, simulator, discovery, target tables and
//! `docs/streams.md` are derived from it.

/// How far a statement about the API can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Our reading; the client does not depend on it.
    Inferred,
    /// The vendor's documents say so.
    Spec,
    /// Recorded answers or code run against real accounts show it.
    Seen,
}

/// The groups in which streams are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Contacts, lists, tags, custom fields, forms.
    ContactManagement,
    /// Deals, pipelines, accounts, tasks, notes.
    Crm,
    /// Campaigns, automations, messages, segments.
    Marketing,
    /// Users, groups, settings.
    Account,
    /// Connections, customers, orders, products.
    Ecommerce,
    /// Activities, events, conversions, goals.
    Tracking,
}

impl Group {
    /// The heading under which the group is shown.
    pub fn title(self) -> &'static str {
        match self {
            Group::ContactManagement => "contact management",
            Group::Crm => "CRM / deals",
            Group::Marketing => "marketing",
            Group::Account => "account",
            Group::Ecommerce => "e-commerce",
            Group::Tracking => "tracking",
        }
    }
}

/// What a field's value means, and with that how it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text as it is.
    Text,
    /// An integer, usually sent as a string.
    Integer,
    /// A decimal number, usually sent as a string.
    Float,
    /// `"0"`/`"1"`, `0`/`1`, `true`/`false`.
    Boolean,
    /// `YYYY-MM-DD`.
    Date,
    /// A time with a numeric offset or `Z`; a zone-less spelling is taken as US Central.
    Timestamp,
    /// `YYYY-MM-DD HH:MM:SS` without a zone, on the wall clock of `twin`, a [`Type::Timestamp`] field of the same record
    /// whose offset it borrows.
    LocalTimestamp {
        /// The field that has the offset.
        twin: &'static str,
    },
    /// A time in UTC, with or without saying so.
    UtcTimestamp,
    /// An IPv4 address as a decimal number, most significant octet first; `"0"` means none.
    IpNumber,
    /// An amount of money in minor units (cents), an integer.
    MoneyMinor,
    /// `||a||b||`: several values of a multiple choice.
    MultiValue,
    /// An object or array, kept as it is.
    Json,
}

/// The JSON type in which the API sends a field in a list answer. A tolerant reader takes every other one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// A string, numbers and booleans included.
    String,
    /// An integer number.
    Int,
    /// A number with a fraction.
    Float,
    /// `true` or `false`.
    Bool,
    /// An object.
    Object,
    /// An array.
    Array,
}

/// What a field is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Data.
    Data,
    /// Carries nothing a reader needs: `links`.
    Noise,
    /// Ids of sideloaded rows, present only when `include` asked for them; those rows are streams of their own.
    Sideload,
}

/// One field of a stream's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name on the wire.
    pub name: &'static str,
    /// What its value means.
    pub ty: Type,
    /// The JSON type it is sent as.
    pub wire: Wire,
    /// Whether `null` was seen or is documented.
    pub nullable: bool,
    /// What it is there for.
    pub role: Role,
    /// How sure its type is. A field without a source for its type is text and inferred.
    pub confidence: Confidence,
}

impl Field {
    /// A field sent as `wire`, never null, with `confidence` [`Confidence::Seen`].
    pub const fn new(name: &'static str, ty: Type, wire: Wire) -> Field {
        Field { name, ty, wire, nullable: false, role: Role::Data, confidence: Confidence::Seen }
    }

    /// The same field, sometimes null.
    pub const fn null(mut self) -> Field {
        self.nullable = true;
        self
    }

    /// The same field, known from the vendor's documents only.
    pub const fn spec(mut self) -> Field {
        self.confidence = Confidence::Spec;
        self
    }

    /// The same field, its type our own reading.
    pub const fn inferred(mut self) -> Field {
        self.confidence = Confidence::Inferred;
        self
    }
}

/// A text sent as a string.
pub const fn text(name: &'static str) -> Field {
    Field::new(name, Type::Text, Wire::String)
}
/// An integer sent as a string; ids and foreign keys are of this kind.
pub const fn int(name: &'static str) -> Field {
    Field::new(name, Type::Integer, Wire::String)
}
/// An integer sent as a number.
pub const fn number(name: &'static str) -> Field {
    Field::new(name, Type::Integer, Wire::Int)
}
/// A decimal number sent as a string.
pub const fn decimal(name: &'static str) -> Field {
    Field::new(name, Type::Float, Wire::String)
}
/// A boolean sent as `"0"` or `"1"`.
pub const fn flag(name: &'static str) -> Field {
    Field::new(name, Type::Boolean, Wire::String)
}
/// A boolean sent as `true` or `false`.
pub const fn boolean(name: &'static str) -> Field {
    Field::new(name, Type::Boolean, Wire::Bool)
}
/// A day sent as a string.
pub const fn date(name: &'static str) -> Field {
    Field::new(name, Type::Date, Wire::String)
}
/// A time with an offset sent as a string.
pub const fn time(name: &'static str) -> Field {
    Field::new(name, Type::Timestamp, Wire::String)
}
/// A zone-less time on the wall clock of `twin`.
pub const fn local_time(name: &'static str, twin: &'static str) -> Field {
    Field::new(name, Type::LocalTimestamp { twin }, Wire::String)
}
/// A time in UTC sent as a string.
pub const fn utc_time(name: &'static str) -> Field {
    Field::new(name, Type::UtcTimestamp, Wire::String)
}
/// A numeric IPv4 address sent as a string.
pub const fn ip(name: &'static str) -> Field {
    Field::new(name, Type::IpNumber, Wire::String)
}
/// An amount in minor units sent as a string.
pub const fn money(name: &'static str) -> Field {
    Field::new(name, Type::MoneyMinor, Wire::String)
}
/// An object kept as it is.
pub const fn object(name: &'static str) -> Field {
    Field::new(name, Type::Json, Wire::Object)
}
/// An array kept as it is.
pub const fn array(name: &'static str) -> Field {
    Field::new(name, Type::Json, Wire::Array)
}
/// The `links` object of a record.
pub const fn links() -> Field {
    let mut field = object("links");
    field.role = Role::Noise;
    field
}
/// The ids of sideloaded rows in a record.
pub const fn sideload_ids(name: &'static str) -> Field {
    let mut field = array(name);
    field.role = Role::Sideload;
    field
}

/// How a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// `orders[id]=ASC` with `id_greater` and `id_less`, up to `page_size` records a page.
    Keyset,
    /// `limit` and `offset`.
    Offset,
    /// Delivered as a second array in the answers of another stream of the same path.
    With {
        /// The stream whose answers carry it.
        stream: &'static str,
    },
    /// `page` (from 1) and `page_size`.
    PageNumber,
    /// One series per record of `parent`; `{id}` in the path is the parent's key.
    PerParent {
        /// The parent stream.
        parent: &'static str,
    },
    /// Started per segment, then polled until ready, then read by `page` and `page_size`: ids only.
    SegmentMatch {
        /// The parent stream.
        parent: &'static str,
    },
}

/// The JSON type of `meta.total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// A string.
    String,
    /// A number.
    Int,
    /// There is none.
    Absent,
}

/// A query parameter by which the server narrows a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// The parameter as written before encoding: `filters[updated_after]`, `listid`.
    pub parameter: &'static str,
    /// How it compares.
    pub matching: Matching,
    /// How sure it is that the server honours it.
    pub confidence: Confidence,
}

/// A filter that compares as `matching` says.
pub const fn filter(parameter: &'static str, matching: Matching, confidence: Confidence) -> Filter {
    Filter { parameter, matching, confidence }
}

/// How a filter compares the field it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// The whole value.
    Exact(&'static str),
    /// Part of the value, without regard to case.
    Contains(&'static str),
    /// The beginning of the value.
    StartsWith(&'static str),
    /// At or after a moment.
    AtOrAfter(&'static str),
    /// Before a moment.
    Before(&'static str),
    /// At least this number.
    AtLeast(&'static str),
    /// At most this number.
    AtMost(&'static str),
    /// Something of its own; see the stream's quirks.
    Other,
}

/// A relation that `include` brings along with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sideload {
    /// The name in `include`, also the key of the array and of the id list in the record.
    pub include: &'static str,
    /// The stream whose rows it delivers.
    pub stream: &'static str,
    /// The field of those rows that holds the key of the record they came with.
    pub parent_field: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
}

/// A relation `include` whose rows are those of `stream` and name their parent in `parent_field`.
pub const fn sideload(
    include: &'static str,
    stream: &'static str,
    parent_field: &'static str,
    confidence: Confidence,
) -> Sideload {
    Sideload { include, stream, parent_field, confidence }
}

/// How changes of a stream can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The field that moves when a record changes.
    pub field: &'static str,
    /// The parameter by which the server filters on it; `None`: the field is only good for comparing after reading.
    pub filter: Option<&'static str>,
}

/// A stream that belongs to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The parent stream.
    pub stream: &'static str,
    /// The field of this stream with the parent's key.
    pub field: &'static str,
    /// The filter that reads the children of one parent, where there is one.
    pub filter: Option<&'static str>,
}

/// One stream of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Our name; Sling's for Sling's fifteen.
    pub name: &'static str,
    /// Where it is shown.
    pub group: Group,
    /// Below `/api/3/`, without a leading slash.
    pub path: &'static str,
    /// The key of the array in a list answer.
    pub envelope: &'static str,
    /// The key of the object in a single answer.
    pub item: Option<&'static str>,
    /// The fields that identify a record.
    pub key: &'static [&'static str],
    /// The fields in the order of recorded answers, `links` and `id` included.
    pub fields: &'static [Field],
    /// Whether rows are JSON:API resources: all fields but `id` and `type` are inside an object `attributes`.
    pub attributes: bool,
    /// How it is read.
    pub read: Read,
    /// The most records a page holds when asked for. Smaller than 100 where records are heavy.
    pub page_size: u32,
    /// The value of `orders[...]` to ask for a fixed order: parameter and direction.
    pub order: Option<(&'static str, &'static str)>,
    /// The type of `meta.total`.
    pub total: Total,
    /// Filters the server honours.
    pub filters: &'static [Filter],
    /// How changes can be asked for.
    pub cursor: Option<Cursor>,
    /// The stream it belongs to.
    pub parent: Option<Parent>,
    /// What `include` brings along.
    pub sideloads: &'static [Sideload],
    /// How sure path and envelope are.
    pub confidence: Confidence,
    /// The vendor's page, by title, or `none published`.
    pub page: &'static str,
    /// What is odd about it, one sentence each.
    pub quirks: &'static [&'static str],
}

impl Stream {
    /// The field called `name`.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
