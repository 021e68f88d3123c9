//! Rows as arguments of SQLite statements.

use sqlx::{Arguments, error::BoxDynError, sqlite::SqliteArguments};

use crate::{
    landing::{Cell, moment},
    sql::RowSink,
};

/// One argument, in the storage class SQLite keeps it in.
#[derive(Debug)]
enum Argument {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// Rows, one argument for each column of the staging table.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    arguments: Vec<Argument>,
    /// Where the row that was begun last begins.
    begun: usize,
    ended: usize,
}

impl RowSink for Rows {
    fn begin(&mut self, seq: i64, repeat: Option<bool>) {
        self.begun = self.arguments.len();
        self.arguments.push(Argument::Integer(seq));
        self.arguments.extend(repeat.map(|repeat| Argument::Integer(repeat.into())));
    }

    fn cell(&mut self, cell: &Cell<'_>) -> Result<(), String> {
        self.arguments.push(match cell {
            Cell::Null => Argument::Null,
            Cell::Boolean(value) => Argument::Integer((*value).into()),
            Cell::Integer(value) => Argument::Integer(*value),
            // SQLite would keep it as null without a word.
            Cell::Float(value) if value.is_nan() => return Err("not a number".to_owned()),
            Cell::Float(value) => Argument::Real(*value),
            Cell::Text(text) | Cell::Json(text) => Argument::Text(text.as_ref().to_owned()),
            Cell::Date(day) => Argument::Text(day.to_string()),
            Cell::Timestamp(instant) => Argument::Text(moment::sortable(*instant)),
        });
        Ok(())
    }

    fn end(&mut self) {
        self.ended += 1;
    }

    fn undo(&mut self) {
        self.arguments.truncate(self.begun);
    }

    fn len(&self) -> usize {
        self.ended
    }

    fn clear(&mut self) {
        self.arguments.clear();
        self.ended = 0;
    }
}

impl Rows {
    /// The arguments of the next `count` arguments' worth of rows, in chunks of at most `arguments_max`, whole rows each.
    /// The rows are gone afterwards.
    pub(crate) fn chunks(
        &mut self,
        arguments_max: usize,
    ) -> impl Iterator<Item = Result<(usize, SqliteArguments), BoxDynError>> + '_ {
        let width = self.arguments.len().checked_div(self.ended).unwrap_or(1).max(1);
        let rows_max = (arguments_max / width).max(1);
        self.arguments.chunks_mut(rows_max * width).map(move |chunk| {
            let mut arguments = SqliteArguments::default();
            arguments.reserve(chunk.len(), 0);
            for argument in chunk.iter_mut() {
                match std::mem::replace(argument, Argument::Null) {
                    Argument::Null => arguments.add(None::<i64>)?,
                    Argument::Integer(value) => arguments.add(value)?,
                    Argument::Real(value) => arguments.add(value)?,
                    Argument::Text(text) => arguments.add(text)?,
                }
            }
            Ok((chunk.len() / width, arguments))
        })
    }
}
