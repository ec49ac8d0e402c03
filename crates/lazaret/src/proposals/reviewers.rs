//! Who someone is, by their token. The configuration holds the digest of each token, `[reviewers]`; a token is 256 random
//! bits that its owner alone has seen, so its digest tells nobody what it is and needs no slow hash.

use lazaret_core::{Random as _, hex};
use lazaret_vault::SystemRandom;

use crate::config::Config;
use crate::exit::CliError;

/// The token, where there is no terminal to ask on.
pub(crate) const TOKEN: &str = "LAZARET_REVIEWER_TOKEN";
/// What tokens begin with: a scanner for secrets finds one that was left lying.
const BEGINS: &str = "lzrev-";
/// Longest that is looked at.
const LONGEST: usize = 200;

/// A new token.
pub(crate) fn new_token() -> Result<String, CliError> {
    let mut bytes = [0_u8; 32];
    SystemRandom.fill(&mut bytes).map_err(|error| CliError::failed("no random numbers", error))?;
    Ok(format!("{BEGINS}{}", hex(&bytes)))
}

/// What the configuration holds of a token.
pub(crate) fn digest(token: &str) -> String {
    super::digest_of(token.as_bytes())
}

/// Whose token it is.
pub(crate) fn who(config: &Config, token: &str) -> Option<String> {
    let token = token.trim();
    if token.len() > LONGEST || !token.starts_with(BEGINS) {
        return None;
    }
    // Digests are compared, so how long it takes tells nothing of a token.
    let digest = digest(token);
    config.reviewers().find(|(_, known)| *known == digest).map(|(name, _)| name.to_owned())
}

/// Whose token the environment holds, or a person types.
pub(crate) fn who_asks(config: &Config) -> Result<String, CliError> {
    if config.reviewers().next().is_none() {
        return Err(CliError::Usage(
            "there are no reviewers: `lazaret phi knowledge reviewer NAME` makes a token and the line for \
             [reviewers] in lazaret.toml"
                .to_owned(),
        ));
    }
    let token = match std::env::var(TOKEN) {
        Ok(token) => token,
        Err(_) => rpassword::prompt_password("reviewer's token: ").map_err(|_| {
            CliError::Usage(format!("no token: there is no terminal to ask on, and {TOKEN} is not set"))
        })?,
    };
    who(config, &token).ok_or_else(|| CliError::Usage("no reviewer has this token".to_owned()))
}
