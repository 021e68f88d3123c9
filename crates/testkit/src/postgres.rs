//! A fresh PostgreSQL database for one test.
//!
//! Tests that need it have `postgres` in their name, so that a runner without a server can leave them out.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};

/// The variable with the superuser's URL of a private server; `cargo xtask test` starts one and sets it.
pub const SERVER_VARIABLE: &str = "ACHUB_TEST_POSTGRES";

static DATABASES: AtomicU64 = AtomicU64::new(0);

/// A database that is dropped with this value.
#[derive(Debug)]
pub struct FreshDatabase {
    server: String,
    name: String,
}

impl FreshDatabase {
    /// Makes an empty database on the server of [`SERVER_VARIABLE`].
    ///
    /// # Panics
    /// Where the variable is missing or the server does not answer.
    pub async fn create() -> FreshDatabase {
        let server = std::env::var(SERVER_VARIABLE).unwrap_or_else(|_| {
            panic!("{SERVER_VARIABLE} is not set; run `cargo xtask test`, which starts a server")
        });
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("achub_test_{}_{number}", std::process::id());
        run(&server, &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        FreshDatabase { server, name }
    }

    /// Its URL, with the superuser's name.
    pub fn url(&self) -> String {
        let server: PgConnectOptions = self.server.parse().expect("the server's address is a URL");
        server.database(&self.name).to_url_lossy().into()
    }

    /// A connection to it.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.expect("a database that was just made answers")
    }
}

impl Drop for FreshDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // Dropping may happen inside a runtime, where another cannot be driven on the same thread.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime of one thread can be made");
            runtime.block_on(run(&server, &format!("DROP DATABASE {name} WITH (FORCE)")));
        });
        if dropped.join().is_err() && !std::thread::panicking() {
            panic!("the test database could not be dropped");
        }
    }
}

async fn run(server: &str, sql: &str) {
    let mut connection = PgConnection::connect(server).await.expect("the test server answers");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.expect("the superuser may do that");
}
