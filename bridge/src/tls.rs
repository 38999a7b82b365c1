//! TLS for HTTP clients: rustls with ring.

use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::sync::Arc;

/// Adds the machine's certificates, except those that rustls cannot use.
pub fn add_system_roots(roots: &mut rustls::RootCertStore) {
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
}

/// Adds Mozilla's certificates, which are built in.
pub fn add_built_in_roots(roots: &mut rustls::RootCertStore) {
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
}

/// Reads the certificates of a PEM file. The error names the file.
pub fn read_certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    read().map_err(|error: rustls::pki_types::pem::Error| format!("reading '{path}': {error}"))
}

/// Returns the configuration of a client that trusts `roots`.
pub fn client_config(roots: rustls::RootCertStore) -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
