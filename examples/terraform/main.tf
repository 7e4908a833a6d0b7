# What backstage-cfaccess needs at Cloudflare, beside the Worker itself: the Access application in front of
# Backstage, the Bypass application for the two public paths, a service token, two KV namespaces and the route.
# The Worker is deployed with `npx backstage-cfaccess deploy`: see docs/terraform.md.

terraform {
  required_version = ">= 1.8"

  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "~> 5.21"
    }
  }
}

# The token is read from CLOUDFLARE_API_TOKEN.
provider "cloudflare" {}

# The policy of people: change it to your identity provider's groups.
resource "cloudflare_zero_trust_access_policy" "users" {
  account_id = var.account_id
  name       = "Backstage users"
  decision   = "allow"

  include = [{
    email_domain = {
      domain = var.email_domain
    }
  }]
}

# For `catalog push`, probes and machine callers.
resource "cloudflare_zero_trust_access_service_token" "automation" {
  account_id = var.account_id
  name       = "backstage-automation"
  duration   = "8760h"

  lifecycle {
    create_before_destroy = true
  }
}

resource "cloudflare_zero_trust_access_policy" "automation" {
  account_id = var.account_id
  name       = "Backstage automation"
  decision   = "non_identity"

  include = [{
    service_token = {
      token_id = cloudflare_zero_trust_access_service_token.automation.id
    }
  }]
}

resource "cloudflare_zero_trust_access_application" "backstage" {
  account_id       = var.account_id
  name             = "Backstage"
  type             = "self_hosted"
  session_duration = "24h"

  # The host name, not the Worker: a Worker as destination refuses WebSocket upgrades.
  destinations = [{
    type = "public"
    uri  = var.hostname
  }]

  # An expired session of a script gets 401 and not a redirect to the login.
  service_auth_401_redirect = true

  policies = [
    {
      id         = cloudflare_zero_trust_access_policy.users.id
      precedence = 1
    },
    {
      id         = cloudflare_zero_trust_access_policy.automation.id
      precedence = 2
    },
  ]
}

# Only for the set-up "alone": the backend reads these two paths of the Worker without a session.
resource "cloudflare_zero_trust_access_policy" "bypass" {
  count = var.alone ? 1 : 0

  account_id = var.account_id
  name       = "Backstage public keys"
  decision   = "bypass"

  include = [{
    everyone = {}
  }]
}

resource "cloudflare_zero_trust_access_application" "public_paths" {
  count = var.alone ? 1 : 0

  account_id = var.account_id
  name       = "Backstage public keys"
  type       = "self_hosted"

  destinations = [
    {
      type = "public"
      uri  = "${var.hostname}/api/auth/.well-known/jwks.json"
    },
    {
      type = "public"
      uri  = "${var.hostname}/api/auth/v1/userinfo"
    },
  ]

  policies = [{
    id         = cloudflare_zero_trust_access_policy.bypass[0].id
    precedence = 1
  }]
}

resource "cloudflare_workers_kv_namespace" "catalog" {
  account_id = var.account_id
  title      = "backstage-cfaccess-catalog"
}

resource "cloudflare_workers_kv_namespace" "access_cache" {
  account_id = var.account_id
  title      = "backstage-cfaccess-access-cache"
}

# Create it after the first deployment of the Worker: set `route` to true then.
resource "cloudflare_workers_route" "backstage" {
  count = var.route ? 1 : 0

  zone_id = var.zone_id
  pattern = "${var.hostname}/*"
  script  = "backstage-cfaccess"
}
