//! The registry of error codes. Every error the program can show has one; `achub explain CODE` prints its page.
//!
//! Families and numbers follow the hub's user documentation: `AC-1xx` reaching and signing in, `AC-2xx` reading,
//! `DB` targets, `CF` configuration, `RN` running, `SY` the system itself.

/// What a failure means for whoever started the work; decides the exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The work failed and will fail again until something is mended.
    Failed,
    /// Wrong usage or configuration; nothing was tried.
    Usage,
    /// Finished, with rows that were refused.
    Refused,
    /// Credentials refused or rights missing.
    Credentials,
    /// A guard stopped it.
    Guard,
    /// Another run holds what this one needs.
    Busy,
    /// The other side could not be reached; worth trying later.
    Unreachable,
    /// Interrupted by a person or the system at a safe point.
    Interrupted,
}

/// The page of a code: what the user reads about it.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The code as printed: `AC-104`.
    pub id: &'static str,
    /// What a failure with this code means for whoever started the work.
    pub class: Class,
    /// What happened, in one sentence.
    pub title: &'static str,
    /// What that means for the data.
    pub meaning: &'static str,
    /// The usual cause.
    pub cause: &'static str,
    /// What to do.
    pub action: &'static str,
}

macro_rules! codes {
    ($($variant:ident $id:literal $class:ident {
        title: $title:literal, meaning: $meaning:literal, cause: $cause:literal, action: $action:literal $(,)?
    })*) => {
        /// One kind of failure a user can meet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $id, "`: ", $title)] $variant,)*
        }

        impl Code {
            /// All codes in the order of their pages.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The page that explains this code.
            pub fn page(self) -> &'static Page {
                match self {
                    $(Code::$variant => {
                        const PAGE: Page = Page {
                            id: $id, class: Class::$class, title: $title,
                            meaning: $meaning, cause: $cause, action: $action,
                        };
                        &PAGE
                    })*
                }
            }
        }
    };
}

codes! {
    AddressNotAllowed "AC-101" Usage {
        title: "The address is not allowed",
        meaning: "No request was sent.",
        cause: "The address is a loopback or private one, uses plain http, or carries a user name or a port that is not allowed.",
        action: "Copy the URL from Settings → Developer in ActiveCampaign. For a server of your own, such as `achub sim`, set `allow_private_address: true` on the connection or ACHUB_ALLOW_PRIVATE_ADDRESSES=1.",
    }
    NameNotFound "AC-102" Unreachable {
        title: "The host name does not exist or could not be looked up",
        meaning: "No request was sent.",
        cause: "A typing error in the URL, or this machine has no name service.",
        action: "Compare the URL with Settings → Developer in ActiveCampaign, letter by letter. Accounts outside the us1 region have another name in place of `us1`.",
    }
    CertificateRefused "AC-103" Unreachable {
        title: "The secure connection could not be made",
        meaning: "No request was sent; the key was not shown to the other side.",
        cause: "An expired certificate, one for another name, or a proxy that opens encrypted traffic.",
        action: "Check the date of this machine and whether a proxy stands in between.",
    }
    NotTheApi "AC-104" Usage {
        title: "That address answered with a web page, not the ActiveCampaign API",
        meaning: "Nothing was read or written.",
        cause: "The address of a page in the browser was copied, or a sign-in page of a network stands in between.",
        action: "The API address is under Settings → Developer and looks like https://YOURACCOUNT.api-us1.com.",
    }
    KeyRefused "AC-105" Credentials {
        title: "ActiveCampaign refused the key",
        meaning: "Nothing was read or written.",
        cause: "A blank in the key, a key that was regenerated, or a user who was removed.",
        action: "Copy the key again from Settings → Developer. If it was regenerated, set the new one with `achub conns set`.",
    }
    NotAllowed "AC-106" Credentials {
        title: "The key works, but its user may not do this",
        meaning: "What the user may read is unaffected.",
        cause: "The key belongs to a user whose group lacks a right.",
        action: "Use a key of a user in the Admin group, best a user made for this integration. ActiveCampaign rarely names the right; where the message says that it may be one, that is a guess.",
    }
    NetworkBlocked "AC-107" Unreachable {
        title: "ActiveCampaign did not answer in time",
        meaning: "What was committed before stays; the next run continues from there.",
        cause: "A slow or blocked network, or a firewall.",
        action: "Try again; check that this machine may open https connections to the host.",
    }
    AccountSuspended "AC-108" Credentials {
        title: "ActiveCampaign says the account is suspended or unpaid",
        meaning: "Nothing was read or written.",
        cause: "A payment issue of the ActiveCampaign account (status 402).",
        action: "Ask the owner of the ActiveCampaign account.",
    }
    IntermittentlyForbidden "AC-109" Credentials {
        title: "The key was accepted before and is refused now",
        meaning: "What was committed before stays; the next run continues from there.",
        cause: "ActiveCampaign sometimes refuses valid keys for a moment; this one was refused several times in a row.",
        action: "Run `achub conns test`. If it fails, the key was regenerated or its user removed.",
    }
    PassedOver "AC-110" Failed {
        title: "A rule of the endpoint says to go on without it",
        meaning: "Nothing was read of the stream, and its table was left as it is; other streams are unaffected.",
        cause: "ActiveCampaign refused the request with a status for which a built-in rule or one of the connection's `rules` says skip, break or stop.",
        action: "Nothing, where that was meant: not every plan has every part of the API. To have it fail instead, add a rule with `action: fail` to the connection.",
    }
    SlowDown "AC-201" Unreachable {
        title: "ActiveCampaign keeps asking to slow down",
        meaning: "What was committed before stays; the next run continues from there.",
        cause: "Other tools use up the account's requests.",
        action: "Run again later, or lower `requests_per_second` of the other tools.",
    }
    RequestRefused "AC-202" Failed {
        title: "ActiveCampaign refused a request",
        meaning: "What was committed before stays; nothing of this request was taken.",
        cause: "A parameter that this account does not know, or a record that is gone.",
        action: "See ActiveCampaign's own words in the message; report it if they make no sense.",
    }
    ServerError "AC-203" Unreachable {
        title: "ActiveCampaign answered with errors of its own again and again",
        meaning: "What was committed before stays; the next run continues from there.",
        cause: "A disturbance at ActiveCampaign.",
        action: "Run again later.",
    }
    PageStuck "AC-204" Failed {
        title: "ActiveCampaign sent the same page again and again",
        meaning: "The stream was not finished; its table keeps the state it had, or what was committed so far.",
        cause: "This account ignores a paging parameter.",
        action: "Report it with the name of the stream; other streams are unaffected.",
    }
    EmptyAnswer "AC-205" Failed {
        title: "ActiveCampaign sent less than it said it has",
        meaning: "The stream was not finished; its table keeps the state it had, or what was committed so far.",
        cause: "Empty answers where rows were due, or rows that this key may not see.",
        action: "Run again. If it stays, compare the count with what ActiveCampaign shows to the user of the key.",
    }
    AnswerCutOff "AC-206" Unreachable {
        title: "ActiveCampaign's answer was cut off or unreadable",
        meaning: "The page was not counted. What was committed before stays; the next run continues from there.",
        cause: "A network disturbance, or a proxy that changes answers.",
        action: "Run again.",
    }
    AnswerTooLarge "AC-208" Failed {
        title: "ActiveCampaign's answer is larger or deeper than allowed",
        meaning: "The page was not counted.",
        cause: "A broken or hostile server, or a stream with very large bodies.",
        action: "Check the address. If it is ActiveCampaign's, report it with the name of the stream.",
    }
    UnknownStream "CF-101" Usage {
        title: "There is no stream of that name",
        meaning: "Nothing was tried.",
        cause: "A typing error.",
        action: "See `achub streams list`.",
    }
    UnknownConnection "CF-102" Usage {
        title: "There is no connection of that name",
        meaning: "Nothing was tried.",
        cause: "A typing error, or a connection defined for another user or folder.",
        action: "See `achub conns list`.",
    }
    BadConnection "CF-103" Usage {
        title: "The connection is not complete or not understood",
        meaning: "Nothing was tried.",
        cause: "A missing or misspelt key of the connection.",
        action: "Mend the entry; `achub conns show NAME` prints what was understood.",
    }
    BadFile "CF-104" Usage {
        title: "The file is not understood",
        meaning: "Nothing was tried.",
        cause: "A syntax error, a missing key, or a value of the wrong type.",
        action: "Mend the place that is named.",
    }
    NotGranted "CF-105" Usage {
        title: "The file asks for something this version does not do",
        meaning: "Nothing was tried.",
        cause: "A key of the replication file that is valid elsewhere.",
        action: "Take the key out, or use a version that grants it.",
    }
    BadArgument "CF-106" Usage {
        title: "An argument is wrong",
        meaning: "Nothing was tried.",
        cause: "A typing error.",
        action: "See the command's --help.",
    }
    BadTableName "CF-107" Usage {
        title: "Two streams would land in one table, or a table name cannot be used",
        meaning: "Nothing was tried.",
        cause: "An object template without a variable for the stream.",
        action: "Put {stream_name} into the object template.",
    }
    BadCondition "CF-108" Usage {
        title: "The condition cannot be read",
        meaning: "Nothing was selected and nothing was changed.",
        cause: "A field, list or tag that the store does not have, a comparison that its type does not allow, or a typing error.",
        action: "The message points at the place and names what comes near; `achub contacts fields` lists what can be asked for.",
    }
    BadSchedule "CF-109" Usage {
        title: "The schedule would never start anything",
        meaning: "It was not taken; what was scheduled before stays.",
        cause: "A cron expression for a day that does not exist, an unknown time zone, or an interval of nothing.",
        action: "Correct it; `achub schedule next` shows the next five times.",
    }
    BadQuery "CF-110" Usage {
        title: "The query may not be run",
        meaning: "Nothing was read or changed by it.",
        cause: "Only one statement that reads is allowed, and it has to give a column with ids of people.",
        action: "Write a single SELECT that gives `id`.",
    }
    UnknownAudience "CF-111" Usage {
        title: "There is no audience of that name",
        meaning: "Nothing was changed.",
        cause: "A typing error, or an audience that was removed.",
        action: "See `achub audience list`.",
    }
    DynamicAudience "CF-112" Usage {
        title: "A dynamic audience is not edited by hand",
        meaning: "Nobody was put in or taken out.",
        cause: "Its people are those of whom its condition is true.",
        action: "Change its condition, or make a static audience from it.",
    }
    TargetUnreachable "DB-101" Unreachable {
        title: "The target could not be reached",
        meaning: "Nothing was written in this attempt; what was committed before stays.",
        cause: "The database is down, the address is wrong, or a folder is missing.",
        action: "Check host, port and name; try again.",
    }
    TargetSignIn "DB-102" Credentials {
        title: "The target refused the user or password",
        meaning: "Nothing was written.",
        cause: "A wrong user, password or database name.",
        action: "Mend the connection.",
    }
    MissingGrant "DB-103" Credentials {
        title: "The target's user lacks a right",
        meaning: "Nothing was written in this attempt.",
        cause: "The user may not create tables or write to them.",
        action: "Grant the right that is named in the message.",
    }
    TableChanged "DB-104" Failed {
        title: "A table is not as the run left it or needs it",
        meaning: "The table was left as it is.",
        cause: "It was dropped, altered or made by somebody else.",
        action: "Rename it, or run with mode full-refresh.",
    }
    CountMismatch "DB-105" Failed {
        title: "The rows in the staging table are not the rows that were sent",
        meaning: "The target table was left as it was.",
        cause: "Another program wrote to the staging table, or the database lost rows.",
        action: "Run again; the stream starts over.",
    }
    ColumnsDiffer "DB-106" Guard {
        title: "The table's columns differ from those the run needs",
        meaning: "Nothing was written to the table.",
        cause: "A field was added or got another type in ActiveCampaign, or the table was altered, and the schema policy is `ask` or `stop`.",
        action: "Look at the difference that is printed; run with `--schema-changes add` or `add_and_widen`, or alter the table yourself.",
    }
    DriverMissing "DB-107" Usage {
        title: "The library of the target's database was not found or cannot be used",
        meaning: "Nothing was tried.",
        cause: "DuckDB is not part of the program: its library is loaded from a file when it is needed, and there is none, or it is for another machine.",
        action: "Get the library: `npm pack @duckdb/node-bindings-linux-x64` brings an archive with `libduckdb.so` in it (there is a package for each system), or take `libduckdb` from DuckDB's download page. Then name the file as `library` of the connection or in ACHUB_DUCKDB_LIBRARY, or put it beside the program.",
    }
    TargetCrowded "DB-108" Unreachable {
        title: "The target's server takes no more connections",
        meaning: "Nothing was written in this attempt; what was committed before stays.",
        cause: "All connections that the server or the user may have are taken: `max_connections`, or a limit of the role or the database. A run takes up to one for each of its walks, and one more.",
        action: "Run again when others are done, the run continues where it stopped; or raise the limit, or close what is not needed (`SELECT * FROM pg_stat_activity`).",
    }
    ValueRefused "DB-201" Refused {
        title: "The target cannot hold a value",
        meaning: "The row was put aside in the quarantine; all others landed.",
        cause: "A value that the database has no room for, such as a NUL character in text.",
        action: "See the table `_achub_quarantine` of the target.",
    }
    TargetRefused "DB-202" Failed {
        title: "The target refused a statement",
        meaning: "The transaction was rolled back; what was committed before stays.",
        cause: "See the database's own words in the message.",
        action: "Mend what they name and run again; the run continues where it stopped.",
    }
    GaveWay "DB-203" Unreachable {
        title: "The target kept giving way to somebody else's work",
        meaning: "The transaction was rolled back, again and again; what was committed before stays.",
        cause: "Deadlocks or serialisation failures with other programs that write to the same tables, or a table or an SQLite file that somebody keeps locked.",
        action: "Run again when they are done; the run continues where it stopped. A lower `isolation_level` makes serialisation failures rarer.",
    }
    DiskFull "DB-204" Failed {
        title: "The disk is full",
        meaning: "The transaction was rolled back; what was committed before stays.",
        cause: "No space left where the target lives.",
        action: "Free some space and run again; the run continues where it stopped.",
    }
    TookTooLong "DB-205" Unreachable {
        title: "The target ended a statement that took too long",
        meaning: "The transaction was rolled back; what was committed before stays.",
        cause: "The database or the user has a `statement_timeout`, or an operator cancelled the statement.",
        action: "Raise the limit for this user, for example `ALTER ROLE achub SET statement_timeout = 0`, and run again; the run continues where it stopped.",
    }
    TooMuchGone "GD-101" Guard {
        title: "ActiveCampaign showed much less of a stream than the table holds",
        meaning: "Rows that were shown have landed. No row was removed or marked as gone.",
        cause: "Records were deleted in bulk, the key may see less than before, or ActiveCampaign left records out for a while.",
        action: "Compare the counts with ActiveCampaign. If the records are really gone, run with `--full-check --removal-floor 0`.",
    }
    HookFailed "RN-107" Failed {
        title: "A hook of the replication file failed",
        meaning: "What was committed before stays; the message says which stream did not go on.",
        cause: "A check that did not hold, a command that failed, or an address that did not answer.",
        action: "Mend the hook, or set its `on_failure` to `warn`.",
    }
    Busy "RN-101" Busy {
        title: "Another run of this replication is under way",
        meaning: "Nothing was tried.",
        cause: "The same replication was started twice.",
        action: "Wait for the other run, see `achub replicate status`.",
    }
    StoppedSafely "RN-105" Interrupted {
        title: "Stopped at a safe point",
        meaning: "What was committed stays; the next run continues from there.",
        cause: "Ctrl-C, or the system asked the program to end.",
        action: "Start the same command again to continue.",
    }
    Drift "RN-106" Refused {
        title: "The run finished, but a total differs from what ActiveCampaign says",
        meaning: "All rows that were shown have landed.",
        cause: "Records that the key may not see, or changes while the run was reading.",
        action: "Run again; if the difference stays, compare with what ActiveCampaign shows to the user of the key.",
    }
    ConstraintBroken "RN-108" Failed {
        title: "A value breaks a constraint of the replication file",
        meaning: "The stream was not finished; what was committed before stays.",
        cause: "A record whose value does not meet the condition in `columns`, and `SLING_ON_CONSTRAINT_FAILURE` is `abort`.",
        action: "Mend the record or the condition, or set `SLING_ON_CONSTRAINT_FAILURE` to `warn` or `skip`.",
    }
    LostLease "RN-102" Busy {
        title: "Another process took over",
        meaning: "This one wrote nothing after it lost its right to; the other one continues where it stopped.",
        cause: "The process was paused, or cut off from the store, for longer than its lease.",
        action: "Nothing. If it happens often, look at the load of the machine.",
    }
    ChangedMeanwhile "RN-109" Busy {
        title: "Somebody changed the same records at the same time",
        meaning: "Nothing of that batch was written.",
        cause: "Two runs, or a run and a person, worked on the same people.",
        action: "Run again; it continues where it stopped.",
    }
    UndoTooLate "RN-110" Usage {
        title: "That run can no longer be taken back",
        meaning: "Nothing was changed.",
        cause: "It ended more than seven days ago, or it was taken back already.",
        action: "Look at `achub contacts show`: the history of each person has the values before.",
    }
    SegmentNotReady "RN-111" Unreachable {
        title: "ActiveCampaign has not computed the segment",
        meaning: "Nobody was imported by it; what was imported before stays.",
        cause: "A segment is computed when it is first asked for, and a large or complicated one can take very long.",
        action: "Try again in an hour, or choose lists or tags instead.",
    }
    QueryTookTooLong "RN-112" Failed {
        title: "The query took too long and was ended",
        meaning: "Nothing was selected by it; nothing was changed.",
        cause: "It reads more than it has to, or it never ends.",
        action: "Narrow it down, or give it more time with `--time-limit`.",
    }
    StoreNewer "SY-102" Failed {
        title: "The state was written by a newer version of the program",
        meaning: "Nothing was touched.",
        cause: "An older program was started after an upgrade.",
        action: "Use the newer program, or another ACHUB_HOME.",
    }
    StoreFull "SY-103" Failed {
        title: "The store cannot be written to",
        meaning: "What was committed before is safe; nothing of the last batch was written.",
        cause: "The disk is full, or the file or folder may only be read.",
        action: "Make room or give the right to write, then run again; it continues where it stopped.",
    }
    ClockJumped "SY-104" Failed {
        title: "The clock of this machine is not right",
        meaning: "Data are not affected; schedules and leases are judged by the clock of the store.",
        cause: "The clock was set, the machine slept, or it has no time server.",
        action: "Let the machine take its time from a time server.",
    }
    StoreBroken "SY-105" Failed {
        title: "The hub's own state could not be read or written",
        meaning: "Nothing was sent in this attempt; what was committed to targets stays.",
        cause: "A full disk, missing rights on the folder, or a damaged file.",
        action: "Check the folder that is named.",
    }
    Bug "SY-199" Failed {
        title: "The program met a state that should not exist",
        meaning: "The run was stopped; what was committed before stays.",
        cause: "A defect of the program.",
        action: "Report it with the message.",
    }
}

impl Code {
    /// The code as printed: `AC-104`.
    pub fn id(self) -> &'static str {
        self.page().id
    }

    /// The code printed as `id`, in either case, with or without the dash.
    pub fn find(id: &str) -> Option<Code> {
        let wanted: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
        Code::ALL.iter().copied().find(|code| code.id().replace('-', "").eq_ignore_ascii_case(&wanted))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Code;

    #[test]
    fn codes_are_unique_and_found_by_any_spelling() {
        let mut seen = HashSet::new();
        for &code in Code::ALL {
            assert!(seen.insert(code.id()), "{} is given twice", code.id());
            assert_eq!(Code::find(&code.id().to_lowercase().replace('-', "")), Some(code));
        }
        assert_eq!(Code::find("AC-999"), None);
    }
}
