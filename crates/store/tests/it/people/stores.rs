//! The suite over each store.

mod memory {
    use achub_store::memory::MemoryStore;

    crate::people::people_suite!(async { ((), MemoryStore::new()) });
}

mod sqlite {
    use achub_store::sqlite::SqliteStore;
    use tempfile::TempDir;

    async fn fresh() -> (TempDir, SqliteStore) {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("state.db")).await.unwrap();
        (folder, store)
    }

    crate::people::people_suite!(fresh());
}

mod postgres {
    use achub_store::postgres::PostgresStore;
    use achub_testkit::postgres::FreshDatabase;

    async fn fresh() -> (FreshDatabase, PostgresStore) {
        let database = FreshDatabase::create().await;
        let store = PostgresStore::open(&database.url()).await.unwrap();
        (database, store)
    }

    crate::people::people_suite!(fresh());
}
