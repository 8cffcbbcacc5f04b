"""The subnet that most labs serve: a module's LEASE_TABLE is this and its own bridges."""

VM_NET = """
subnets:
  vm-net:
    cidr: 172.16.255.128/26
    server_id: 172.16.255.129
    server_mac: 02:ac:10:ff:01:29
    lease_time: 1h
    options: {router: 172.16.255.129}
"""
