"""Every DHCPv4 option that ovsdhcp knows by name: one line each, and a new one is one more line.

The first name is OVN's where OVN has the option (ovn lib/ovn-l7.h), else the one in common use;
the names after the RFC are further ones, IANA's among them. A code without a line can still be
given, its value in hexadecimal.
https://www.iana.org/assignments/bootp-dhcp-parameters
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from ovsdhcp.dhcp.option_blocks import (
    ENCAPSULATED,
    ENTERPRISE_CLASSES,
    ENTERPRISE_OPTIONS,
    IPV4_LISTS,
    RDNSS_SELECTION,
    RESOLVERS,
    ROUTES,
    SIP_SERVERS,
    SIXRD,
    SLP_AGENTS,
    SLP_SCOPES,
    USER_CLASS,
    WORDS,
)
from ovsdhcp.dhcp.option_domains import DOMAIN, DOMAINS, DOMAINS_WHOLE
from ovsdhcp.dhcp.option_kinds import (
    BOOL,
    HEX,
    HOST,
    INT32,
    IPV4,
    IPV4_PAIRS,
    IPV4S,
    MTUS,
    SECONDS,
    TEXT,
    UINT8,
    UINT8S,
    UINT16,
    UINT16S,
    UINT32,
    Kind,
    duration,
    uint8,
    uint16,
)
from ovsdhcp.dhcp.spelling import near


class Role(Enum):
    """What becomes of an option that a lease table names."""

    OPTION = "option"
    """Sent to a client that asks for it (`Binding.options`)."""
    NETMASK = "netmask"
    """Follows from the subnet; the table may repeat it (OVN does)."""
    LEASE_TIME = "lease_time"
    SERVER_ID = "server_id"
    T1 = "t1"
    T2 = "t2"
    NEXT_SERVER = "next_server"
    """The field `siaddr`, not an option (OVN's pseudo option 253)."""
    BOOTFILE_NAME = "bootfile_name"
    BOOTFILE_NAME_ALT = "bootfile_name_alt"
    """OVN's pseudo option 254: the boot file of a client that is *not* iPXE."""
    ENGINE = "engine"
    """Made by the engine, or only ever sent by clients: a lease table must not set it."""


@dataclass(frozen=True, slots=True)
class Option:
    """A DHCP option: its code, its names, and what its value is.

    `kind` encodes and decodes the value. `role` says whether it goes into `Binding.options` or
    into a field of `Binding` that has the role's name.
    """

    code: int
    name: str
    kind: Kind
    rfc: str
    aliases: tuple[str, ...] = ()
    role: Role = Role.OPTION


def _option(
    code: int, name: str, kind: Kind, rfc: str, *aliases: str, role: Role = Role.OPTION
) -> Option:
    return Option(code, name, kind, f"RFC {rfc}" if rfc[:1].isdigit() else rfc, aliases, role)


_TTL = uint8(1)
_ENGINE = Role.ENGINE

# fmt: off
OPTIONS: tuple[Option, ...] = (
    _option(1, "netmask", IPV4, "2132 §3.3", "subnet_mask", role=Role.NETMASK),
    _option(2, "time_offset", INT32, "2132 §3.4"),
    _option(3, "router", IPV4S, "2132 §3.5", "routers", "gateway"),
    _option(4, "time_server", IPV4S, "2132 §3.6", "time_servers"),
    _option(5, "name_server", IPV4S, "2132 §3.7", "name_servers"),
    _option(6, "dns_server", IPV4S, "2132 §3.8", "domain_server", "domain_name_server",
            "domain_name_servers", "dns_servers"),
    _option(7, "log_server", IPV4S, "2132 §3.9", "log_servers"),
    _option(8, "quotes_server", IPV4S, "2132 §3.10", "cookie_server", "cookie_servers"),
    _option(9, "lpr_server", IPV4S, "2132 §3.11", "lpr_servers"),
    _option(10, "impress_server", IPV4S, "2132 §3.12", "impress_servers"),
    _option(11, "rlp_server", IPV4S, "2132 §3.13", "resource_location_server",
            "resource_location_servers"),
    _option(12, "hostname", TEXT, "2132 §3.14", "host_name"),
    _option(13, "boot_file_size", UINT16, "2132 §3.15", "boot_size"),
    _option(14, "merit_dump_file", TEXT, "2132 §3.16", "merit_dump"),
    _option(15, "domain_name", TEXT, "2132 §3.17"),
    _option(16, "swap_server", IPV4, "2132 §3.18"),
    _option(17, "root_path", TEXT, "2132 §3.19"),
    _option(18, "extension_file", TEXT, "2132 §3.20", "extensions_path"),
    _option(19, "ip_forward_enable", BOOL, "2132 §4.1", "forward_on_off", "ip_forwarding"),
    _option(20, "source_routing", BOOL, "2132 §4.2", "srcrte_on_off", "non_local_source_routing"),
    _option(21, "policy_filter", IPV4_PAIRS, "2132 §4.3"),
    _option(22, "max_dg_reassembly", uint16(576), "2132 §4.4", "max_dg_assembly"),
    _option(23, "default_ttl", _TTL, "2132 §4.5", "default_ip_ttl"),
    _option(24, "mtu_timeout", UINT32, "2132 §4.6", "path_mtu_aging_timeout"),
    _option(25, "mtu_plateau", MTUS, "2132 §4.7", "path_mtu_plateau_table"),
    _option(26, "mtu", uint16(68), "2132 §5.1", "mtu_interface", "interface_mtu"),
    _option(27, "mtu_subnet", BOOL, "2132 §5.2", "all_subnets_local"),
    _option(28, "broadcast_address", IPV4, "2132 §5.3"),
    _option(29, "mask_discovery", BOOL, "2132 §5.4", "perform_mask_discovery"),
    _option(30, "mask_supplier", BOOL, "2132 §5.5"),
    _option(31, "router_discovery", BOOL, "2132 §5.6"),
    _option(32, "router_solicitation", IPV4, "2132 §5.7", "router_request",
            "router_solicitation_address"),
    _option(33, "static_route", IPV4_PAIRS, "2132 §5.8", "static_routes"),
    _option(34, "trailers", BOOL, "2132 §6.1", "trailer_encapsulation"),
    _option(35, "arp_cache_timeout", UINT32, "2132 §6.2", "arp_timeout"),
    _option(36, "ethernet_encap", BOOL, "2132 §6.3", "ethernet", "ieee802_3_encapsulation"),
    _option(37, "tcp_ttl", _TTL, "2132 §7.1", "default_tcp_ttl"),
    _option(38, "tcp_keepalive_interval", UINT32, "2132 §7.2", "keepalive_time"),
    _option(39, "tcp_keepalive_garbage", BOOL, "2132 §7.3", "keepalive_data"),
    _option(40, "nis_domain", TEXT, "2132 §8.1"),
    _option(41, "nis_server", IPV4S, "2132 §8.2", "nis_servers"),
    _option(42, "ntp_server", IPV4S, "2132 §8.3", "ntp_servers"),
    _option(43, "vendor_options", ENCAPSULATED, "2132 §8.4", "vendor_specific",
            "vendor_encapsulated_options"),
    _option(44, "netbios_name_server", IPV4S, "2132 §8.5", "netbios_name_srv",
            "netbios_name_servers", "wins_server"),
    _option(45, "netbios_dist_server", IPV4S, "2132 §8.6", "netbios_dist_srv",
            "netbios_dd_server"),
    _option(46, "netbios_node_type", uint8(1, 8), "2132 §8.7"),
    _option(47, "netbios_scope", TEXT, "2132 §8.8"),
    _option(48, "x_window_font", IPV4S, "2132 §8.9", "font_servers"),
    _option(49, "x_window_manager", IPV4S, "2132 §8.10", "x_display_manager"),
    _option(50, "requested_address", IPV4, "2132 §9.1", "address_request", role=_ENGINE),
    _option(51, "lease_time", SECONDS, "2132 §9.2", "address_time", "dhcp_lease_time",
            role=Role.LEASE_TIME),
    _option(52, "overload", UINT8, "2132 §9.3", "option_overload", role=_ENGINE),
    _option(53, "message_type", UINT8, "2132 §9.6", "dhcp_msg_type", role=_ENGINE),
    _option(54, "server_id", IPV4, "2132 §9.7", "dhcp_server_id", "server_identifier",
            role=Role.SERVER_ID),
    _option(55, "parameter_list", UINT8S, "2132 §9.8", "parameter_request_list", role=_ENGINE),
    _option(56, "message", TEXT, "2132 §9.9", "dhcp_message", role=_ENGINE),
    _option(57, "max_message_size", UINT16, "2132 §9.10", "dhcp_max_msg_size", role=_ENGINE),
    _option(58, "T1", SECONDS, "2132 §9.11", "renewal_time", role=Role.T1),
    _option(59, "T2", SECONDS, "2132 §9.12", "rebinding_time", role=Role.T2),
    _option(60, "vendor_class", TEXT, "2132 §9.13", "class_id", "vendor_class_identifier"),
    _option(61, "client_id", HEX, "2132 §9.14", "client_identifier", role=_ENGINE),
    _option(62, "netware_domain", TEXT, "2242 §2", "netware_ip_domain", "nwip_domain_name"),
    _option(63, "netware_options", ENCAPSULATED, "2242 §3", "netware_ip_option", "nwip_suboptions"),
    _option(64, "nisplus_domain", TEXT, "2132 §8.11", "nis_domain_name"),
    _option(65, "nisplus_server", IPV4S, "2132 §8.12", "nis_server_addr", "nisplus_servers"),
    _option(66, "tftp_server", HOST, "2132 §9.4", "server_name", "tftp_server_name"),
    _option(67, "bootfile_name", TEXT, "2132 §9.5", "bootfile", "boot_file_name",
            role=Role.BOOTFILE_NAME),
    _option(68, "home_agent", IPV4S, "2132 §8.13", "home_agent_addrs", "mobile_ip_home_agent"),
    _option(69, "smtp_server", IPV4S, "2132 §8.14"),
    _option(70, "pop3_server", IPV4S, "2132 §8.15", "pop_server"),
    _option(71, "nntp_server", IPV4S, "2132 §8.16"),
    _option(72, "www_server", IPV4S, "2132 §8.17"),
    _option(73, "finger_server", IPV4S, "2132 §8.18"),
    _option(74, "irc_server", IPV4S, "2132 §8.19"),
    _option(75, "streettalk_server", IPV4S, "2132 §8.20"),
    _option(76, "stda_server", IPV4S, "2132 §8.21", "streettalk_directory_assistance_server"),
    _option(77, "user_class", USER_CLASS, "3004"),
    _option(78, "directory_agent", SLP_AGENTS, "2610 §3", "slp_directory_agent"),
    _option(79, "service_scope", SLP_SCOPES, "2610 §4", "slp_service_scope"),
    _option(80, "rapid_commit", HEX, "4039", role=_ENGINE),
    _option(81, "client_fqdn", HEX, "4702", "fqdn", role=_ENGINE),
    _option(82, "relay_agent_information", ENCAPSULATED, "3046", "relay_agent", role=_ENGINE),
    _option(83, "isns", HEX, "4174"),
    _option(85, "nds_server", IPV4S, "2241 §2", "nds_servers"),
    _option(86, "nds_tree_name", TEXT, "2241 §3"),
    _option(87, "nds_context", TEXT, "2241 §4"),
    _option(88, "bcmcs_domains", DOMAINS_WHOLE, "4280", "bcmcs_controller_domain_name_list"),
    _option(89, "bcmcs_server", IPV4S, "4280", "bcmcs_controller_ipv4_address"),
    _option(90, "authentication", HEX, "3118", role=_ENGINE),
    _option(91, "client_last_transaction_time", UINT32, "4388 §6.1", role=_ENGINE),
    _option(92, "associated_ip", IPV4S, "4388 §6.1", role=_ENGINE),
    _option(93, "client_architecture", UINT16S, "4578 §2.1", "client_system"),
    _option(94, "client_interface", HEX, "4578 §2.2", "client_ndi"),
    _option(95, "ldap", TEXT, "3679"),
    _option(97, "client_uuid", HEX, "4578 §2.3", "uuid_guid", role=_ENGINE),
    _option(98, "user_authentication", WORDS, "2485", "user_auth", "uap_servers"),
    _option(99, "geoconf_civic", HEX, "4776"),
    _option(100, "posix_timezone", TEXT, "4833 §2", "pcode"),
    _option(101, "tzdb_timezone", TEXT, "4833 §2", "tcode", "timezone"),
    _option(108, "ipv6_only_preferred", duration(300), "8925", "ipv6_only"),
    _option(112, "netinfo_address", IPV4S, "3679"),
    _option(113, "netinfo_tag", TEXT, "3679"),
    _option(114, "captive_portal", TEXT, "8910 §2.1", "dhcp_captive_portal", "default_url"),
    _option(116, "auto_config", BOOL, "2563"),
    _option(117, "name_service_search", UINT16S, "2937"),
    _option(118, "subnet_selection", IPV4, "3011", role=_ENGINE),
    _option(119, "domain_search_list", DOMAINS, "3397", "domain_search"),
    _option(120, "sip_servers", SIP_SERVERS, "3361", "sip_server"),
    _option(121, "classless_static_route", ROUTES, "3442", "classless_static_routes"),
    _option(122, "cablelabs_client", ENCAPSULATED, "3495", "ccc", "cablelabs_client_config"),
    _option(123, "geoconf", HEX, "6225"),
    _option(124, "vi_vendor_class", ENTERPRISE_CLASSES, "3925 §3", "v_i_vendor_class"),
    _option(125, "vi_vendor_options", ENTERPRISE_OPTIONS, "3925 §4", "vivso",
            "v_i_vendor_specific_information"),
    _option(136, "pana_agent", IPV4S, "5192"),
    _option(137, "lost_server", DOMAIN, "5223", "v4_lost"),
    _option(138, "capwap_controller", IPV4S, "5417", "capwap_ac_v4"),
    _option(139, "mos_address", ENCAPSULATED, "5678 §2", "ipv4_address_mos"),
    _option(140, "mos_domain", ENCAPSULATED, "5678 §3", "ipv4_fqdn_mos"),
    _option(141, "sip_ua_domains", DOMAINS_WHOLE, "6011", "sip_ua_configuration_service_domains"),
    _option(142, "andsf_server", IPV4S, "6153", "ipv4_address_andsf"),
    _option(143, "sztp_redirect", HEX, "8572 §8.1", "v4_sztp_redirect"),
    _option(144, "geoloc", HEX, "6225"),
    _option(145, "forcerenew_nonce_capable", UINT8S, "6704", role=_ENGINE),
    _option(146, "rdnss_selection", RDNSS_SELECTION, "6731 §4.3"),
    _option(150, "tftp_server_address", IPV4S, "5859", "tftp_servers"),
    _option(158, "pcp_server", IPV4_LISTS, "7291 §4", "v4_pcp_server"),
    _option(159, "portparams", HEX, "7618", "v4_portparams"),
    _option(161, "mud_url", TEXT, "8520", "v4_mud_url"),
    _option(162, "dnr", RESOLVERS, "9463 §5.1", "v4_dnr", "encrypted_dns"),
    _option(175, "etherboot", HEX, "iPXE", "ipxe"),
    _option(208, "pxelinux_magic", HEX, "5071 §3"),
    _option(209, "config_file", TEXT, "5071 §4", "configuration_file", "pxelinux_configfile"),
    _option(210, "path_prefix", TEXT, "5071 §5", "pxelinux_path_prefix"),
    _option(211, "reboot_time", SECONDS, "5071 §6", "pxelinux_reboottime"),
    _option(212, "sixrd", SIXRD, "5969 §7.1.1", "6rd"),
    _option(213, "access_domain", DOMAIN, "5986", "v4_access_domain"),
    _option(220, "subnet_allocation", HEX, "6656"),
    _option(221, "virtual_subnet_selection", HEX, "6607", "vss", role=_ENGINE),
    _option(249, "ms_classless_static_route", ROUTES, "MS-DHCPE §2.2.9",
            "ms_classless_static_routes"),
    _option(252, "wpad", TEXT, "draft-ietf-wrec-wpad-01", "web_proxy_auto_discovery"),
    _option(253, "next_server", IPV4, "2131 §2", "siaddr", role=Role.NEXT_SERVER),
    _option(254, "bootfile_name_alt", TEXT, "OVN", role=Role.BOOTFILE_NAME_ALT),
)
# fmt: on

BY_CODE: Mapping[int, Option] = MappingProxyType({option.code: option for option in OPTIONS})
"""The table by code."""

BY_NAME: Mapping[str, Option] = MappingProxyType(
    {name: option for option in OPTIONS for name in (option.name, *option.aliases)}
)
"""The table by every name that an option has."""


def _folded(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


_BY_FOLDED = {_folded(name): option for name, option in BY_NAME.items()}


def lookup(key: object) -> Option:
    """The option of a lease table's key: a name (`-` for `_` if one likes), or a code.

    A code that the table does not know becomes an option whose value is hexadecimal.
    Raises `ValueError` for a code outside 1 to 254, `KeyError` for a name that is not known; the
    message of either is for the person who wrote the key, and names what is near.
    """
    if isinstance(key, str) and not key.strip().isdecimal():
        return _by_name(key)
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise ValueError(f"expected an option's name or code, got {key!r}")
    code = int(key)
    if not 1 <= code <= 254:
        raise ValueError(f"expected an option code from 1 to 254, got {code}")
    return BY_CODE.get(code) or Option(code, f"option_{code}", HEX, "no RFC in the table")


def _by_name(name: str) -> Option:
    found = _BY_FOLDED.get(_folded(name))
    if found is None:
        names = difflib.get_close_matches(_folded(name), _BY_FOLDED, 3)
        hint = f"did you mean {' or '.join(names)}?" if names else "give its code if it has no name"
        raise KeyError(f"no option is called {name!r}: {hint}")
    return found


def meant(name: str) -> Option | None:
    """The one option that a name which is not known can be a misspelling of."""
    options = {_BY_FOLDED[one].code: _BY_FOLDED[one] for one in near(_folded(name), _BY_FOLDED)}
    return options.popitem()[1] if len(options) == 1 else None
