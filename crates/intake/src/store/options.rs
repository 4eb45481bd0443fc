//! Settings of a store's client: those of the configuration before those of the environment.

use object_store::{ObjectStoreScheme, aws::AmazonS3ConfigKey, azure::AzureConfigKey, gcp::GoogleConfigKey};
use url::Url;

/// Parts of the names of settings that hold a secret, which nobody should write into a configuration.
const SECRETS: [&str; 5] = ["secret", "token", "key", "password", "sas"];

/// Endings of names that lead to a file with a secret, and are none.
const FILES: [&str; 2] = ["_file", "_path"];

/// Whether a store has a setting of that name.
type Known = fn(&str) -> bool;

/// All settings as (name, value); later ones win. The error says what is wrong.
pub(super) fn settings<'a>(
    url: &Url,
    options: impl IntoIterator<Item = (&'a str, &'a str)>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<(String, String)>, String> {
    let (scheme, _) = ObjectStoreScheme::parse(url).map_err(|_| unknown(url))?;
    #[expect(clippy::wildcard_enum_match_arm, reason = "what else there is does not hold vaults")]
    let (prefix, known): (&str, Known) = match scheme {
        ObjectStoreScheme::AmazonS3 => ("aws_", |name| name.parse::<AmazonS3ConfigKey>().is_ok()),
        ObjectStoreScheme::GoogleCloudStorage => ("google_", |name| name.parse::<GoogleConfigKey>().is_ok()),
        ObjectStoreScheme::MicrosoftAzure => ("azure_", |name| name.parse::<AzureConfigKey>().is_ok()),
        _ => return Err(unknown(url)),
    };
    let mut settings: Vec<(String, String)> = environment
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| name.starts_with(prefix) && known(name))
        .collect();
    // The order of an environment is nobody's choice.
    settings.sort();
    for (name, value) in options {
        let lower = name.to_ascii_lowercase();
        if !known(&lower) {
            return Err(format!("it has no option `{name}`"));
        }
        let secret = SECRETS.iter().any(|part| lower.contains(part));
        if secret && !FILES.iter().any(|ending| lower.ends_with(ending)) {
            return Err(format!(
                "the option `{name}` may hold a secret, which does not belong in a configuration: put credentials into \
                 the environment or a credential file"
            ));
        }
        settings.push((lower, value.to_owned()));
    }
    Ok(settings)
}

fn unknown(url: &Url) -> String {
    format!(
        "`{}` is no store that is known; use s3, gs, az, abfss, or an https URL of a provider",
        url.scheme()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        url: &str,
        options: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, String> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        settings(&Url::parse(url).unwrap(), options.iter().copied(), environment)
    }

    #[test]
    fn options_come_after_the_environment_of_the_same_provider() {
        let environment =
            [("AWS_REGION", "one"), ("AWS_PAGER", ""), ("PATH", "/bin"), ("AZURE_STORAGE_ACCOUNT_NAME", "a")];
        let found = of("s3://bucket/a", &[("region", "two"), ("allow_http", "true")], &environment).unwrap();
        let text: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(text, [("aws_region", "one"), ("region", "two"), ("allow_http", "true")]);
        let found = of("az://container@account/a", &[], &environment).unwrap();
        assert_eq!(found, [("azure_storage_account_name".to_owned(), "a".to_owned())]);
        assert_eq!(of("gs://bucket/a", &[], &environment).unwrap(), []);
    }

    #[test]
    fn unknown_names_secrets_and_strange_stores_are_refused() {
        for (url, name, word) in [
            ("s3://bucket", "regoin", "regoin"),
            ("s3://bucket", "secret_access_key", "secret"),
            ("s3://bucket", "Session_Token", "secret"),
            ("gs://bucket", "service_account_key", "secret"),
            ("az://container@account", "sas_key", "secret"),
            ("ftp://host/a", "region", "ftp"),
            ("https://example.org/a", "region", "https"),
            ("memory:///", "region", "memory"),
        ] {
            let problem = of(url, &[(name, "x")], &[]).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
        assert!(of("s3://bucket", &[("web_identity_token_file", "/run/token")], &[]).is_ok());
        assert!(of("gs://bucket", &[("service_account_path", "/run/account")], &[]).is_ok());
    }
}
