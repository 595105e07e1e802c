//! `https`, by rustls: certificates of the host, and whom a caller trusts.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::error::Error;

/// What is spoken over it.
const HTTP: &[u8] = b"http/1.1";

/// Serves with the certificates in the PEM file `chain`, the host's own first, whose key is in `key`.
pub(crate) fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor, Error> {
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| Error::tls(key, error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::tls(chain, error))?;
    let mut config = config
        .with_no_client_auth()
        .with_single_cert(certificates(chain)?, private)
        .map_err(|error| Error::tls(chain, error))?;
    config.alpn_protocols = vec![HTTP.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Trusts the certificates in the PEM file `roots`; without one, those that this system trusts.
pub(crate) fn connector(roots: Option<&Path>) -> Result<TlsConnector, Error> {
    let mut store = RootCertStore::empty();
    let trusted = match roots {
        Some(path) => certificates(path)?,
        // A certificate that can't be read is one that is not trusted.
        None => rustls_native_certs::load_native_certs().certs,
    };
    store.add_parsable_certificates(trusted);
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::tls(Path::new("TLS"), error))?;
    let mut config = config.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![HTTP.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let named = |error| Error::tls(path, error);
    let read = CertificateDer::pem_file_iter(path).map_err(named)?;
    read.collect::<Result<Vec<_>, _>>().map_err(named)
}
