//! The words of the command line.
//!
//! Every page of help begins with an example and fits on one screen; a test looks at all of them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::output::{ColorWhen, Form, progress};

/// Replicates an ActiveCampaign account into databases and files
#[derive(Debug, Parser)]
#[command(
    name = "achub",
    version,
    before_help = "Example: achub demo",
    disable_help_subcommand = true,
    disable_help_flag = true
)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Print this help
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort)]
    help: Option<bool>,
    /// Print data as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only data and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Tell more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Never ask
    #[arg(long, global = true, env = "ACHUB_NO_INPUT", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub no_input: bool,
    /// Say yes to ordinary questions
    #[arg(long, global = true)]
    pub yes: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub color: ColorWhen,
    /// What to show while a run works
    #[arg(
        long,
        global = true,
        value_name = "HOW",
        env = "ACHUB_PROGRESS",
        default_value = "auto",
        hide_default_value = true,
        hide_env = true
    )]
    pub progress: progress::When,
    /// Read connections from env.yaml in this folder only
    #[arg(long, global = true, value_name = "FOLDER", hide = true)]
    pub home_dir: Option<PathBuf>,
    /// The project file; else the nearest achub.yaml
    #[arg(long, global = true, value_name = "FILE")]
    pub project: Option<PathBuf>,
}

impl Arguments {
    /// How much is told on standard error: nothing more, more, everything.
    pub fn verbosity(&self) -> u8 {
        let theirs = match &self.command {
            Command::Run(run) if run.theirs.trace => 2,
            Command::Run(run) if run.theirs.debug => 1,
            _ => 0,
        };
        self.global.verbose.max(theirs)
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show everything with a pretend account; needs no network
    #[command(before_help = "Example: achub demo")]
    Demo,
    /// Write a project file to begin with
    #[command(before_help = "Example: achub init")]
    Init {
        /// Where; achub.yaml in this folder by default
        path: Option<PathBuf>,
    },
    /// The project file and where each setting comes from
    #[command(subcommand, before_help = "Example: achub config check")]
    Config(Config),
    /// People of an account into the hub's own store
    #[command(subcommand, before_help = "Example: achub import plan shop")]
    Import(Import),
    /// What starts by itself, and when
    #[command(subcommand, before_help = "Example: achub schedule next")]
    Schedule(Schedules),
    /// Do by itself what the project file schedules
    #[command(before_help = "Example: achub serve")]
    Serve(Serve),
    /// Serve a pretend account on this machine
    #[command(before_help = "Example: achub sim --contacts 10000 --rate off")]
    Sim(Sim),
    /// Connections: accounts, databases, folders
    #[command(subcommand, before_help = "Example: achub conns add shop")]
    Conns(Conns),
    /// The streams an account offers
    #[command(subcommand, before_help = "Example: achub streams list")]
    Streams(Streams),
    /// Run a replication file with Sling's defaults
    #[command(before_help = "Example: achub run -r replication.yaml")]
    Run(Box<Run>),
    /// Replicate with our defaults: plan, run, status
    #[command(subcommand, before_help = "Example: achub replicate plan --from shop --to sqlite://shop.db")]
    Replicate(Replicate),
    /// What ran, and what became of it
    #[command(subcommand, before_help = "Example: achub runs show last")]
    Runs(Runs),
    /// Look whether everything is there that a run needs
    #[command(before_help = "Example: achub doctor")]
    Doctor,
    /// Explain an error code
    #[command(before_help = "Example: achub explain AC-104")]
    Explain {
        /// The code as printed; without one, all codes are listed
        code: Option<String>,
    },
    /// Print completions for a shell
    #[command(
        before_help = "Example: achub completions bash > ~/.local/share/bash-completion/completions/achub"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// A command of Sling that has no counterpart
    #[command(hide = true, before_help = "Example: achub run FOLDER")]
    It(Counterpartless),
    /// A command of Sling that has no counterpart
    #[command(hide = true, before_help = "Example: achub run FOLDER")]
    Mcp(Counterpartless),
    /// A command of Sling that has no counterpart
    #[command(hide = true, before_help = "Example: achub run FOLDER")]
    Project(Counterpartless),
    /// A command of Sling that has no counterpart
    #[command(hide = true, before_help = "Example: achub run FOLDER")]
    Update(Counterpartless),
    /// Print the version
    #[command(before_help = "Example: achub version --json")]
    Version,
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Read everything that can be read without a network
    #[command(before_help = "Example: achub config check")]
    Check,
    /// All settings that count, and where they come from
    #[command(before_help = "Example: achub config show --json")]
    Show,
    /// Files that are read, the weakest first
    #[command(before_help = "Example: achub config path")]
    Path,
}

#[derive(Debug, Subcommand)]
pub enum Import {
    /// Show what an import would do; writes nothing
    #[command(before_help = "Example: achub import plan shop")]
    Plan {
        /// An import of the project file
        name: String,
        /// Look at so many people only
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Import: everybody the first time, then what changed
    #[command(before_help = "Example: achub import run shop")]
    Run {
        /// An import of the project file
        name: String,
        /// At most so many people; the next run begins where this one began
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Who did not get in, why, and how to mend it
    #[command(before_help = "Example: achub import refused last --json")]
    Refused {
        /// The run: its id, the beginning of it, or last
        run: String,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: u32,
    },
    /// Take back what a run changed and nobody has touched since
    #[command(before_help = "Example: achub import undo last")]
    Undo {
        /// The run: its id, the beginning of it, or last
        run: String,
    },
    /// Forget where an import stands; people, lists, fields and tags stay
    #[command(before_help = "Example: achub import forget shop")]
    Forget {
        /// An import of the project file
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Schedules {
    /// All schedules, their next and last times, and whether they rest
    #[command(before_help = "Example: achub schedule list")]
    List,
    /// The next five times of each
    #[command(before_help = "Example: achub schedule next")]
    Next,
    /// Let a schedule rest
    #[command(before_help = "Example: achub schedule pause nightly")]
    Pause {
        /// Its name
        name: String,
    },
    /// Let a schedule go on; times that passed are not made up
    #[command(before_help = "Example: achub schedule resume nightly")]
    Resume {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Port on 127.0.0.1 for /healthz, /readyz and /metrics; 0 takes a free one
    #[arg(long, default_value_t = 7878)]
    pub port: u16,
    /// Runs at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: u8,
}

#[derive(Debug, Args)]
pub struct Sim {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8075)]
    pub port: u16,
    /// Contacts of the account
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub contacts: u64,
    /// Decides every name, date and relation
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Requests a second before it answers 429, or off
    #[arg(long, value_name = "N|off", default_value = "5")]
    pub rate: String,
    /// Milliseconds an answer takes, and more for each row
    #[arg(long, value_name = "MS[+MS_PER_ROW]", default_value = "0")]
    pub latency: String,
    /// The key a client must send
    #[arg(long, default_value = "demo")]
    pub key: String,
    /// A file with fault rules, as POST /_sim/faults takes them
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// A folder that keeps the account between starts
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Conns {
    /// Add a connection: test it, then save it
    #[command(
        before_help = "Example: achub conns add shop --url https://shop.api-us1.com",
        after_help = "URL and key of an account are in ActiveCampaign under Settings → Developer (gear, lower left), or \
            https://YOURACCOUNT.activehosted.com/app/settings/developer. The URL depends on account and region: copy it \
            exactly. The URL names the account, the key signs in to it. The key gives full access: never publish it."
    )]
    Add(ConnsAdd),
    /// List all connections
    #[command(before_help = "Example: achub conns list")]
    List {
        /// text, csv or json
        #[arg(short, long, value_name = "FORM")]
        output: Option<Form>,
    },
    /// Show one connection without its secrets
    #[command(before_help = "Example: achub conns show shop")]
    Show { name: String },
    /// Test a connection
    #[command(before_help = "Example: achub conns test shop")]
    Test {
        name: String,
        /// Ask for one record of each of these streams; patterns allowed
        #[arg(long, value_name = "A,B*", value_delimiter = ',')]
        endpoints: Vec<String>,
    },
    /// Show what an account offers, with the rows it has
    #[command(before_help = "Example: achub conns discover shop --pattern 'deal_*' --columns")]
    Discover {
        name: String,
        /// Only streams that match
        #[arg(short, long, value_name = "GLOB")]
        pattern: Option<String>,
        /// List the fields of each stream instead of its rows
        #[arg(long)]
        columns: bool,
        /// text, csv or json
        #[arg(short, long, value_name = "FORM")]
        output: Option<Form>,
    },
    /// Run SQL on a database
    #[command(before_help = "Example: achub conns exec LAKE 'select count(*) from contacts'")]
    Exec {
        name: String,
        /// The statements, as the database takes them
        sql: String,
        /// At most so many rows
        #[arg(short, long, value_name = "N", default_value_t = 1000)]
        limit: usize,
        /// text, csv or json
        #[arg(short, long, value_name = "FORM")]
        output: Option<Form>,
    },
    /// Set keys of a connection in env.yaml
    #[command(
        before_help = "Example: achub conns set LAKE type=sqlite path=lake.db",
        after_help = "A secret on the command line stays in the shell's history; `achub conns add` asks for it instead."
    )]
    Set {
        name: String,
        /// key=value; maps are YAML text, inner keys may be written secrets.api_key=…
        #[arg(required = true, value_name = "KEY=VALUE")]
        values: Vec<String>,
    },
    /// Take a connection out of env.yaml
    #[command(before_help = "Example: achub conns unset LAKE")]
    Unset { name: String },
    /// Take a connection out of env.yaml, after asking
    #[command(before_help = "Example: achub conns remove LAKE")]
    Remove { name: String },
}

#[derive(Debug, Args)]
pub struct ConnsAdd {
    pub name: String,
    /// The account's URL, or postgres://USER@HOST/DB, sqlite://FILE, duckdb://FILE, file://FOLDER
    #[arg(long)]
    pub url: Option<String>,
    /// A file with the key or password; - for standard input
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Keep only the name of a variable that holds the key
    #[arg(long, value_name = "VARIABLE", conflicts_with = "key_file")]
    pub key_variable: Option<String>,
    /// This connection's share: requests a second, or off for a server without a limit
    #[arg(long, value_name = "N|off")]
    pub requests_per_second: Option<String>,
    /// Allow loopback and private addresses and plain http
    #[arg(long)]
    pub allow_private_address: bool,
    /// Save without testing
    #[arg(long)]
    pub no_test: bool,
}

#[derive(Debug, Subcommand)]
pub enum Streams {
    /// List all streams
    #[command(before_help = "Example: achub streams list")]
    List,
    /// Show one stream with its fields
    #[command(before_help = "Example: achub streams show contacts")]
    Show { name: String },
    /// Show how often the fields of a stream are filled, and masked values
    #[command(before_help = "Example: achub streams sample contacts --from shop")]
    Sample(Sample),
}

#[derive(Debug, Args)]
pub struct Sample {
    /// The stream
    pub stream: String,
    /// The account
    #[arg(long, value_name = "NAME")]
    pub from: String,
    /// How many records are read
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub count: u64,
}

/// What `run` and `replicate` share about one file.
#[derive(Debug, Args, Default)]
pub struct Narrowing {
    /// Only these streams: names, ids, patterns, tag:NAME, -tag:NAME
    #[arg(long, value_name = "A,B*", value_delimiter = ',', allow_hyphen_values = true)]
    pub streams: Vec<String>,
    /// Mode of every stream: full-refresh, incremental, truncate …
    #[arg(short, long)]
    pub mode: Option<String>,
    /// At most so many records of each stream; cursors are not moved
    #[arg(short, long, value_name = "N")]
    pub limit: Option<u64>,
    /// Refuse unknown keys of the file
    #[arg(long)]
    pub strict: bool,
    /// Let hooks of the file start programs
    #[arg(long)]
    pub allow_commands: bool,
}

#[derive(Debug, Args)]
pub struct Run {
    /// The replication file, or a folder: all its files; also without -r
    #[arg(short, long, value_name = "FILE")]
    pub replication: Option<PathBuf>,
    /// The same, without -r
    #[arg(value_name = "FILE", conflicts_with = "replication", hide = true)]
    pub file: Option<PathBuf>,
    /// Without a file: the account
    #[arg(long, value_name = "NAME", requires = "src_stream")]
    pub src_conn: Option<String>,
    /// Without a file: the stream
    #[arg(long, value_name = "STREAM", requires = "src_conn")]
    pub src_stream: Option<String>,
    /// Without a file: the target
    #[arg(long, value_name = "NAME", requires = "src_conn")]
    pub tgt_conn: Option<String>,
    /// Without a file: the table
    #[arg(long, value_name = "OBJECT", requires = "src_conn")]
    pub tgt_object: Option<String>,
    /// Without a file and a target: rows to standard output, CSV or --json
    #[arg(long, requires = "src_conn", conflicts_with_all = ["tgt_conn", "tgt_object"])]
    pub stdout: bool,
    /// Source options, as YAML or JSON
    #[arg(long, value_name = "MAP")]
    pub src_options: Option<String>,
    /// Target options, as YAML or JSON
    #[arg(long, value_name = "MAP")]
    pub tgt_options: Option<String>,
    /// Columns, as YAML or JSON
    #[arg(long, value_name = "MAP")]
    pub columns: Option<String>,
    /// Transforms, as YAML or JSON
    #[arg(long, value_name = "LIST|MAP")]
    pub transforms: Option<String>,
    /// Changes from a moment to another: FROM,TO
    #[arg(long, value_name = "FROM,TO")]
    pub range: Option<String>,
    /// So many records of each stream are passed over first
    #[arg(short, long, value_name = "N")]
    pub offset: Option<String>,
    /// Fields that become columns
    #[arg(short, long, value_name = "A,B", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Fields rows are merged by
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub primary_key: Option<Vec<String>>,
    /// Field compared with the cursor
    #[arg(long, value_name = "FIELD")]
    pub update_key: Option<String>,
    /// Variables for the file, as YAML or JSON
    #[arg(long, value_name = "MAP")]
    pub env: Option<String>,
    #[command(flatten)]
    pub narrowing: Narrowing,
    #[command(flatten)]
    pub theirs: Theirs,
}

/// What somebody types behind a command that is refused by name.
#[derive(Debug, Args)]
pub struct Counterpartless {
    /// Whatever comes.
    #[arg(hide = true, allow_hyphen_values = true, trailing_var_arg = true)]
    pub rest: Vec<String>,
}

/// Flags of Sling that mean what ours mean, or are refused by name.
#[derive(Debug, Args)]
pub struct Theirs {
    /// Tells more, as -v.
    #[arg(short, long, hide = true)]
    pub debug: bool,
    /// Tells everything, as -vv.
    #[arg(long, hide = true)]
    pub trace: bool,
    /// A task file.
    #[arg(short, long, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub config: Option<String>,
    /// A pipeline.
    #[arg(short, long, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub pipeline: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Replicate {
    /// Print what a replication would read, and what that costs; writes nothing
    #[command(before_help = "Example: achub replicate plan --from shop --to sqlite://shop.db")]
    Plan(Replication),
    /// Replicate
    #[command(before_help = "Example: achub replicate run --from shop --to sqlite://shop.db")]
    Run(Replication),
    /// Show the last runs
    #[command(before_help = "Example: achub replicate status")]
    Status {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        count: u32,
    },
}

#[derive(Debug, Subcommand)]
pub enum Runs {
    /// The last runs, newest first
    #[command(before_help = "Example: achub runs list --count 5")]
    List {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        count: u32,
    },
    /// What a run did to each stream
    #[command(before_help = "Example: achub runs show last")]
    Show {
        /// The run's id or the beginning of it, or last
        run: String,
    },
    /// Records of a run that did not land as they came, with the reason
    #[command(before_help = "Example: achub runs rows last --outcome refused")]
    Rows {
        /// The run's id or the beginning of it, or last
        run: String,
        /// Only this stream
        #[arg(long, value_name = "NAME")]
        stream: Option<String>,
        /// Only this outcome: refused, skipped, held
        #[arg(long, value_name = "WORD")]
        outcome: Option<String>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 100)]
        count: u32,
    },
    /// Write all that is known about a run to a file, for whoever helps
    #[command(before_help = "Example: achub runs bundle last")]
    Bundle {
        /// The run's id or the beginning of it, or last
        run: String,
        /// The file; achub-RUN.json where none is named
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// The log of a run
    #[command(before_help = "Example: achub runs logs last --level warn")]
    Logs {
        /// The run's id or the beginning of it, or last
        run: String,
        /// Nothing below this level: info, warn, error
        #[arg(long, value_name = "LEVEL")]
        level: Option<String>,
        /// The last so many lines
        #[arg(long, value_name = "N", default_value_t = 1000)]
        count: u32,
    },
}

#[derive(Debug, Args)]
pub struct Replication {
    /// One of the project file
    #[arg(conflicts_with_all = ["replication", "from", "to"])]
    pub name: Option<String>,
    /// A replication file, carried out with our defaults
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["from", "to"])]
    pub replication: Option<PathBuf>,
    /// The account
    #[arg(long, value_name = "NAME", required_unless_present_any = ["replication", "name"], requires = "to")]
    pub from: Option<String>,
    /// The target: a connection, or a URL such as sqlite://FILE
    #[arg(long, value_name = "NAME|URL", required_unless_present_any = ["replication", "name"], requires = "from")]
    pub to: Option<String>,
    /// Start of streams without a cursor: a date, a time, or everything
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    #[command(flatten)]
    pub narrowing: Narrowing,
    #[command(flatten)]
    pub policies: Policies,
}

/// What is asked of a replication beside its streams.
#[derive(Debug, Args, Default, Clone)]
pub struct Policies {
    /// Read every stream as a whole now and compare, to find what is gone or was missed
    #[arg(long)]
    pub full_check: bool,
    /// Read no stream as a whole that can be read by changes, though a check is due
    #[arg(long, conflicts_with = "full_check")]
    pub no_full_check: bool,
    /// What becomes of rows that are gone in the account: mark (default), delete, report or keep
    #[arg(long, value_name = "WORD", hide_possible_values = true)]
    pub removals: Option<Removals>,
    /// Remove nothing where less than this share of a table is shown, percent; 80 by default
    #[arg(long, value_name = "PERCENT")]
    pub removal_floor: Option<u8>,
    /// When columns differ: add (default), add_and_widen, ask or stop
    #[arg(long, value_name = "WORD", hide_possible_values = true)]
    pub schema_changes: Option<SchemaChanges>,
    /// Custom fields as columns: view (default), table or none
    #[arg(long, value_name = "WORD", hide_possible_values = true)]
    pub wide: Option<Wide>,
}

/// What becomes of rows that are gone in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Removals {
    /// They get the time in `_achub_deleted_at`.
    Mark,
    /// They are deleted.
    Delete,
    /// They are counted.
    Report,
    /// Nobody looks.
    Keep,
}

/// What becomes of tables whose columns differ from those the run needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum SchemaChanges {
    /// Missing columns are added.
    Add,
    /// The same, and types are widened where no value changes by it.
    AddAndWiden,
    /// A person decides.
    Ask,
    /// The run stops.
    Stop,
}

/// How custom fields become columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Wide {
    /// A view beside the table of values.
    View,
    /// A table of its own, typed.
    Table,
    /// Not at all.
    None,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    /// The most lines a page of help may have.
    const LINES_MAX: usize = 40;

    fn check(command: &mut clap::Command, path: &str) {
        let help = command.render_help().to_string();
        assert!(help.starts_with("Example: achub "), "{path} begins with {:?}", help.lines().next());
        let lines = help.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines of help");
        let names: Vec<String> =
            command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        for name in names {
            let inner = command.find_subcommand_mut(&name).expect("the name was just listed");
            check(inner, &format!("{path} {name}"));
        }
    }

    #[test]
    fn every_help_begins_with_an_example() {
        let mut command = Arguments::command();
        command.build();
        check(&mut command, "achub");
    }
}
