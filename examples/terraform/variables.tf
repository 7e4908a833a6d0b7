variable "account_id" {
  description = "Cloudflare account id"
  type        = string
}

variable "zone_id" {
  description = "Id of the zone that has the host name"
  type        = string
}

variable "hostname" {
  description = "Host name of Backstage, such as backstage.example.com"
  type        = string
}

variable "email_domain" {
  description = "Email domain whose users may open Backstage"
  type        = string
}

variable "alone" {
  description = "Set-up \"alone\": the backend has no auth plugin and reads the Worker's public paths"
  type        = bool
  default     = false
}

variable "route" {
  description = "Route the host name to the Worker, once it is deployed"
  type        = bool
  default     = false
}
