//! Prometheus metrics, on a loopback listener of their own. No label carries anything personal.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use hushwire_delivery::Service;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

/// The one recorder of this process.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Serves `/metrics` until it is dropped.
pub(crate) async fn serve(listener: TcpListener, service: Arc<Service>) {
    let Some(handle) = recorder() else {
        tracing::error!("metrics cannot be recorded: another recorder is installed");
        return;
    };
    let routes = Router::new().route("/metrics", get(render)).with_state((handle, service));
    if let Err(error) = axum::serve(listener, routes).await {
        tracing::error!(%error, "metrics are not served any more");
    }
}

fn recorder() -> Option<PrometheusHandle> {
    let install = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        describe();
        Some(handle)
    };
    RECORDER.get_or_init(install).clone()
}

fn describe() {
    metrics::describe_gauge!("hushd_connections", "WebSocket connections");
    metrics::describe_gauge!("hushd_devices_online", "Devices that are logged in");
    metrics::describe_histogram!("hushd_batch_jobs", "Jobs of one transaction");
    metrics::describe_gauge!("hushd_reports", "Reports that are kept for the operator");
    metrics::describe_counter!("hushd_busy_total", "Requests that were told to come back later");
    metrics::describe_counter!("hushd_connections_refused_total", "Connections over the configured limits");
    metrics::describe_counter!("hushd_tls_handshakes_failed_total", "TLS handshakes that did not end well");
    metrics::describe_counter!("hushd_malformed_frames_total", "Frames that could not be read");
}

async fn render(State((handle, service)): State<(PrometheusHandle, Arc<Service>)>) -> String {
    metrics::gauge!("hushd_devices_online").set(u32::try_from(service.connected()).unwrap_or(u32::MAX));
    let counted = tokio::task::spawn_blocking(move || service.store().counts()).await;
    if let Ok(Ok(counts)) = counted {
        metrics::gauge!("hushd_reports").set(u32::try_from(counts.reports).unwrap_or(u32::MAX));
    }
    handle.run_upkeep();
    handle.render()
}
