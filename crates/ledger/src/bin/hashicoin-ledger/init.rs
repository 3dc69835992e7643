//! `hashicoin-ledger init`: makes the store of a campaign.

use service::Failure;
use vote::CampaignFile;

use crate::arguments::{Books, Init};
use crate::trouble::Trouble;

/// Makes it.
///
/// # Errors
///
/// When it is there already or cannot be made; when the campaign file is wrong.
pub fn run(arguments: &Init) -> Result<(), Failure> {
    let campaign = campaign(&arguments.books)?;
    let store = arguments.books.store.clone().with_password()?;
    let made = store.init(&campaign, arguments.writer_role.as_deref());
    made.map_err(|error| match error.into() {
        Trouble::End(failure) => failure,
        Trouble::Redis(message) | Trouble::Store(message) => Failure::CouldNot(message),
    })?;
    eprintln!(
        "hashicoin-ledger: the store of the campaign {} is ready",
        campaign.campaign()
    );
    Ok(())
}

/// Reads the campaign file.
///
/// # Errors
///
/// When it cannot be read; when it is wrong, with every mistake.
pub fn campaign(books: &Books) -> Result<CampaignFile, Failure> {
    let path = &books.campaign;
    let text = std::fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
    CampaignFile::parse(&text)
        .map_err(|error| Failure::Refused(format!("the campaign file {} is wrong: {error}", path.display())))
}
