//! `achub demo`: everything with a pretend account.
pub async fn run(_: &crate::wiring::Context) -> Result<(), crate::output::Failure> {
    Ok(())
}
