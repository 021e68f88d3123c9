//! `achub streams`: what can be read, without asking any account.

use achub_api::{
    stream::{Confidence, Read, Role, Stream, Type},
    streams,
};
use serde_json::{Value, json};

use crate::{
    config::known_stream::{self, normal},
    output::{Failure, Output, Table},
};

/// Lists all streams.
pub fn list(output: &Output) -> Result<(), Failure> {
    let mut table = Table::new(&["stream", "group", "read", "key", "cursor", "fields"]);
    for stream in streams::all() {
        table.push(row(stream));
    }
    output.table("streams list", &table)
}

/// The cells that describe a stream: name, group, how it is read, key, cursor, how many fields.
pub fn row(stream: &Stream) -> [Value; 6] {
    let fields = stream.fields.iter().filter(|field| field.role != Role::Sideload).count();
    [
        json!(stream.name),
        json!(stream.group.title()),
        json!(how(stream)),
        json!(stream.key),
        json!(cursor(stream)),
        json!(fields),
    ]
}

fn cursor(stream: &Stream) -> Option<&'static str> {
    stream.cursor.filter(|cursor| cursor.filter.is_some()).map(|cursor| cursor.field)
}

fn how(stream: &Stream) -> String {
    match stream.read {
        Read::Keyset => "id windows".to_owned(),
        Read::Offset => "pages".to_owned(),
        Read::PageNumber => "numbered pages".to_owned(),
        Read::With { stream } => format!("with {stream}"),
        Read::PerParent { parent } => format!("for each of {parent}"),
        Read::SegmentMatch { parent } => format!("matched for each of {parent}"),
    }
}

/// Shows one stream with its fields.
pub fn show(output: &Output, name: &str) -> Result<(), Failure> {
    let Some(stream) = streams::find(&normal(name)) else {
        return Err(known_stream::unknown(&known_stream::all(), name).into());
    };
    let fields = fields(stream);
    if output.is_json {
        let value = json!({
            "stream": stream.name,
            "group": stream.group.title(),
            "path": stream.path,
            "read": how(stream),
            "key": stream.key,
            "cursor": cursor(stream),
            "parent": stream.parent.map(|parent| parent.stream),
            "confidence": confidence(stream.confidence),
            "vendor_page": stream.page,
            "quirks": stream.quirks,
            "fields": fields.objects(),
        });
        return output.json("streams show", value);
    }
    let mut words = vec![
        format!("{} ({})", stream.name, stream.group.title()),
        format!("read by {} of /api/3/{}, key {}", how(stream), stream.path, stream.key.join(", ")),
    ];
    words.extend(cursor(stream).map(|field| format!("changes can be asked for by {field}")));
    words.extend(stream.parent.map(|parent| format!("belongs to {} by {}", parent.stream, parent.field)));
    words.extend(stream.quirks.iter().map(|quirk| (*quirk).to_owned()));
    words.push(format!("known from: {}; vendor page: {}\n", confidence(stream.confidence), stream.page));
    output.say(&words.join("\n"));
    output.table("streams show", &fields)
}

/// The fields of a stream with type and what is known about it.
pub fn fields(stream: &Stream) -> Table {
    let mut table = Table::new(&["field", "type", "nullable", "known_from"]);
    for field in stream.fields.iter().filter(|field| field.role != Role::Sideload) {
        let row = [
            json!(field.name),
            json!(type_name(field.ty)),
            json!(field.nullable),
            json!(confidence(field.confidence)),
        ];
        table.push(row);
    }
    table
}

fn type_name(ty: Type) -> &'static str {
    match ty {
        Type::Text => "text",
        Type::Integer => "integer",
        Type::Float => "float",
        Type::Boolean => "boolean",
        Type::Date => "date",
        Type::Timestamp | Type::LocalTimestamp { .. } | Type::UtcTimestamp => "timestamp",
        Type::IpNumber => "ip address",
        Type::MoneyMinor => "money in minor units",
        Type::MultiValue => "list of values",
        Type::Json => "json",
    }
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Inferred => "our reading",
        Confidence::Spec => "vendor documents",
        Confidence::Seen => "recorded answers",
    }
}
