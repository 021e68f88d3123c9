//! `achub explain`.

use achub_core::{Code, Error};
use serde_json::{Value, json};

use crate::{
    config::nearest::advice,
    output::{Failure, Output, Table, exit_code},
};

/// Prints the page of a code, or the list of all codes.
pub fn run(output: &Output, code: Option<&str>) -> Result<(), Failure> {
    match code {
        Some(code) => page(output, code),
        None => list(output),
    }
}

fn page(output: &Output, given: &str) -> Result<(), Failure> {
    let Some(code) = Code::find(given) else {
        let ids = Code::ALL.iter().map(|code| code.id());
        return Err(Error::new(Code::BadArgument, format!("there is no code {given:?}"))
            .with_hint(advice(given, ids))
            .into());
    };
    let page = code.page();
    let exit = exit_code(page.class);
    if output.is_json {
        return output.json(
            "explain",
            json!({
                "code": page.id, "title": page.title, "means": page.meaning, "likely": page.cause,
                "try": page.action, "exit_code": exit,
            }),
        );
    }
    output.data(&format!(
        "{}  {}.\n\nmeans   {}\nlikely  {}\ntry     {}\nexit    {exit}\n",
        page.id, page.title, page.meaning, page.cause, page.action
    ))
}

fn list(output: &Output) -> Result<(), Failure> {
    let mut table = Table::new(&["code", "exit", "title"]);
    for code in Code::ALL {
        let page = code.page();
        table.push([json!(page.id), Value::from(exit_code(page.class)), json!(page.title)]);
    }
    output.table("explain", &table)
}
