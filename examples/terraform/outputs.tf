output "audience" {
  description = "CFACCESS.audience in wrangler.jsonc"
  value       = cloudflare_zero_trust_access_application.backstage.aud
}

output "catalog_id" {
  description = "Id of the KV namespace CATALOG"
  value       = cloudflare_workers_kv_namespace.catalog.id
}

output "access_cache_id" {
  description = "Id of the KV namespace ACCESS_CACHE"
  value       = cloudflare_workers_kv_namespace.access_cache.id
}

output "service_token_id" {
  description = "Client id of the service token"
  value       = cloudflare_zero_trust_access_service_token.automation.client_id
}

output "service_token_secret" {
  description = "Client secret of the service token"
  value       = cloudflare_zero_trust_access_service_token.automation.client_secret
  sensitive   = true
}
