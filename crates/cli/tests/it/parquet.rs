//! Runs into a folder of Parquet files.

use crate::program::Place;

/// A binary without Parquet names it, and how to get one that has it.
#[cfg(not(feature = "parquet"))]
#[test]
fn binary_without_parquet_says_so() {
    let place = Place::new();
    let ended = place.run(&["conns", "add", "lake", "--url", "file://lake?format=parquet"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for words in ["error CF-105", "built without the format parquet", "--features parquet"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[cfg(feature = "parquet")]
pub use with_feature::rows;

#[cfg(feature = "parquet")]
mod with_feature {
    use std::path::Path;

    use achub_connectors::FolderTarget;

    use super::Place;
    use crate::program::Account;

    /// All rows of a table, every column as text in the order of the table.
    pub async fn rows(folder: &Path, table: &str) -> Vec<Vec<Option<String>>> {
        let target = FolderTarget::parquet(folder).expect("the folder is there");
        target.rows(table).await.expect("the table can be read")
    }

    /// SL-39: the format is named by the connection, in both of its spellings.
    #[tokio::test]
    async fn streams_land_in_folders_of_files() {
        let account = Account::start(&["--contacts", "300", "--rate", "off"]);
        let place =
            Place::with_account(&account.url).variable("LAKE", "{type: file, path: lake, format: parquet}");
        for target in ["LAKE", "file://lake?format=parquet"] {
            place.good(&["replicate", "run", "--from", "shop", "--to", target, "--streams", "contacts,tags"]);
            let lake = place.path("lake");
            assert_eq!(rows(&lake, "contacts").await.len(), 300, "{target}");
            assert_eq!(rows(&lake, "tags").await.len(), 40, "{target}");
        }
        let version = place.good(&["version"]);
        assert!(version.contains("parquet"), "{version}");
    }
}
