//! Names and identifiers that must not be mixed up with other text.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the name as it is.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of a stream, lower case with underscores: `contact_tags`.
    StreamName
);
name!(
    /// The name of a walk: one reading pass over the source that feeds one or several streams.
    WalkName
);
name!(
    /// What a replication is remembered by in its target: which connection is read for which set of tables.
    ReplicationName
);
name!(
    /// The identifier of a run: `r-` and a UUID version 7, so that runs sort by time.
    RunId
);
name!(
    /// Whose budget is spent: one ActiveCampaign account, named by its host in lower case.
    AccountName
);
name!(
    /// The name of a connection in lower case, as it is typed and written into the store.
    ConnectionName
);
name!(
    /// What runs by itself is known by: `import:shop`, `replications.nightly`. One run of it at a time.
    JobName
);
name!(
    /// The name of an audience as it was typed; two that differ only in case are one.
    AudienceName
);

impl RunId {
    /// An identifier that was never given out before.
    pub fn generate() -> RunId {
        RunId(format!("r-{}", uuid::Uuid::now_v7().simple()))
    }
}
